"""A Python program into a tree: the calls that configure a training, in the order they run.

The one root is a mapping from a call's name (``LoraConfig``, ``from_pretrained``) to a mapping of
its arguments. Nothing is run; a value that is not certain has the tag of an unknown.
"""

from __future__ import annotations

import ast
import sys
import warnings
from typing import TYPE_CHECKING, Final

from lora_advisor.record import replace
from lora_advisor.source import python_options as options
from lora_advisor.source.errors import SourceError
from lora_advisor.source.python_arguments import adapter_of, arguments, frozen, marked
from lora_advisor.source.python_calls import (
    OF_ITSELF,
    OF_SPLITS,
    canonical,
    is_loader,
    is_of_library,
    kept,
    own_modules,
    own_names,
)
from lora_advisor.source.python_functions import Functions
from lora_advisor.source.python_made import is_made_alike
from lora_advisor.source.python_magics import parsed, shell_lines
from lora_advisor.source.python_nodes import (
    MUTATORS,
    assigned,
    bodies,
    comments,
    dotted,
    expressions,
    held_by,
    is_cell,
    is_main,
    leaves,
    name_of,
    nodes,
    root_of,
    tested,
    unpacked,
)
from lora_advisor.source.python_places import Places
from lora_advisor.source.python_settings import TOKENS, settings_of, token_set
from lora_advisor.source.python_values import Scope, is_bare_unknown, resolve, truth
from lora_advisor.source.scalars import CHOICE, DROPPED
from lora_advisor.source.shell import parse_shell
from lora_advisor.source.tree import Document, Entry, Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence as Listing

    from lora_advisor.source.python_objects import Function

_DECLARES: Final = frozenset(
    {ast.Call, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Import, ast.ImportFrom}
    | {ast.Assign}
)
_STORED: Final = frozenset({ast.AnnAssign, ast.AugAssign})
"""What sets a value, and declares nothing that a command line may change."""
_LOOKED_AT: Final = _DECLARES | _STORED
_SETTINGS: Final = ("Config", "Arguments")
"""Ends of the names of classes whose attributes are the arguments they are made with."""
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_TESTS: Final = (ast.Compare, ast.BoolOp, ast.UnaryOp)
_FLOW: Final = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.AsyncFor)


def parse_python(text: str, path: str) -> Document:
    """Read a script; :class:`SourceError` gives the place of a syntax error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a linted script's own warnings are not ours
            module, from_notebook = parsed(text)
    except SyntaxError as error:
        release = f"{sys.version_info.major}.{sys.version_info.minor}"
        message = f"not valid Python (as {release} reads it): {error.msg}"
        raise SourceError(message, path, error.lineno or 1, error.offset or 1) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"not readable as Python: {error}", path) from None
    program = _Program(text)
    try:
        program.run(module)
    except RecursionError:
        raise SourceError("nested too deeply", path) from None
    root = Mapping(entries=tuple(program.calls), span=Span(0, len(text)))
    found = tuple(comments(text)) if "#" in text else ()
    parts = (parse_shell(shell_lines(text), path),) if from_notebook else ()
    return Document(
        path=path,
        text=text,
        format="python",
        roots=(root,),
        comments=found,
        parts=tuple(replace(part, text=text) for part in parts),
    )


class _Program:
    """A walk through the statements that keeps what names stand for."""

    def __init__(self, text: str) -> None:
        self.calls: list[Entry] = []
        self._text = text
        self._span = Places(text).span
        self._aliases: dict[str, str] = {}
        self._own: set[str] = set()
        self._strange: set[str] = set()
        self._functions = Functions(self._block)
        self._seen: dict[int, Node | None] = {}
        self._tests: dict[str, ast.expr] = {}

    def run(self, module: ast.Module) -> None:
        """Walk the module, then every function on its own."""
        scope = Scope(spans=self._span, call=self._call)
        declared = [node for node in nodes(module) if type(node) in _LOOKED_AT]
        functions: list[Function] = []
        classes: list[ast.ClassDef] = []
        for node in declared:
            if isinstance(node, ast.ClassDef):
                classes.append(node)
            elif isinstance(node, _FUNCTIONS) and not is_cell(node):
                functions.append(node)
            if type(node) not in _STORED:
                self._declare(node, scope)
        self._functions.take(functions, classes, declared)
        options.take_instances(module, self._functions.calls, scope)
        self._functions.module = scope
        self._block(module.body, scope)
        self._functions.walk_rest()
        settings = settings_of(module, scope, len(self._text))
        self.calls += [settings] if settings is not None else []
        self._functions.close()
        self.calls.sort(key=lambda entry: entry.value.span.end)

    def _declare(self, node: ast.AST, scope: Scope) -> None:
        """Note imports, definitions and command-line defaults wherever they stand."""
        if isinstance(node, ast.ImportFrom):
            self._aliases.update({n.asname: n.name for n in node.names if n.asname})
            self._own.update(own_names(node))
            self._strange.update(own_modules(node))
        elif isinstance(node, ast.Import):
            self._strange.update(
                alias.asname or alias.name for alias in node.names if not is_of_library(alias.name)
            )
        elif isinstance(node, ast.ClassDef):
            self._own.add(node.name)
            options.take_fields(node, scope)
        elif isinstance(node, _FUNCTIONS):
            if not is_cell(node):
                self._own.add(node.name)
        elif isinstance(node, ast.Assign):
            options.take_change(node, scope)
        elif isinstance(node, ast.Call) and name_of(node.func) in ("add_argument", "option"):
            options.take_option(node, scope)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            self._functions.calls.setdefault(node.func.id, []).append(node)

    def _block(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self._statement(statement, scope)

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if not isinstance(node, ast.ClassDef) and is_cell(node):
                self._block(node.body, scope)
        elif isinstance(node, ast.Assign):
            self._assign(node.targets, node.value, scope)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign([node.target], node.value, scope)
        elif isinstance(node, ast.AugAssign):
            self._augment(node, scope)
        elif isinstance(node, _FLOW):
            self._flow(node, scope)
        else:
            self._plain(node, scope)

    def _plain(self, node: ast.stmt, scope: Scope) -> None:
        """Read a statement for its expressions, and for what a function hands back."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child, scope)
        if isinstance(node, ast.Return) and node.value is not None:
            self._functions.returns.append(resolve(node.value, scope))
        elif isinstance(node, ast.Expr) and id(node.value) in self._seen:
            self._drop(self._seen[id(node.value)])

    def _drop(self, result: Node | None) -> None:
        """Mark a call whose result nothing takes."""
        for index, call in enumerate(self.calls):
            if call.value is result and call.key.text == "merge_and_unload":
                self.calls[index] = replace(call, value=marked(call.value, DROPPED))

    def _augment(self, node: ast.AugAssign, scope: Scope) -> None:
        """Read ``steps *= 2`` as the sum or product it is."""
        self._expression(node.value, scope)
        name = dotted(node.target)
        before: ast.expr = ast.copy_location(ast.Name(id=name, ctx=ast.Load()), node)
        whole = ast.copy_location(ast.BinOp(left=before, op=node.op, right=node.value), node)
        found = resolve(whole, scope)
        scope.names[name] = None if is_bare_unknown(found) else found

    def _expression(self, node: ast.expr, scope: Scope) -> None:
        """Record the calls of an expression, also where its value does not matter."""
        if isinstance(node, (ast.Name, ast.Constant)):
            return
        for inner in nodes(node):
            if isinstance(inner, ast.IfExp) and not truth(inner.test, scope):
                self._choose([[inner.body], [inner.orelse]])
            elif isinstance(inner, ast.Call):
                if self._is_kept(inner) or self._functions.takes(inner, scope):
                    resolve(inner, scope)
                else:
                    self._functions.lend(inner, scope)
                if isinstance(inner.func, ast.Attribute) and inner.func.attr in MUTATORS:
                    scope.names[dotted(held_by(inner.func.value))] = None
                scope.trained = scope.trained or self._trains(inner, scope)

    def _trains(self, node: ast.Call, scope: Scope) -> bool:
        """Whether a call starts the training of a trainer that was made before."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "train":
            return False
        made = scope.names.get(dotted(node.func.value))
        return isinstance(made, Mapping) and any(
            call.key.text.endswith("Trainer")
            and isinstance(call.value, Mapping)
            and call.value.entries is made.entries
            for call in self.calls
        )

    def _assign(self, targets: list[ast.expr], value: ast.expr, scope: Scope) -> None:
        self._expression(value, scope)
        found = resolve(value, scope)
        for target in targets:
            if isinstance(target, (ast.Tuple, ast.List)):
                scope.names |= unpacked(target, found)
            elif isinstance(target, ast.Subscript):
                scope.names[dotted(held_by(target))] = None
            else:
                name = dotted(target)
                scope.names[name] = None if is_bare_unknown(found) else found
                if isinstance(value, _TESTS):
                    self._tests[name] = value
                if isinstance(target, ast.Attribute):
                    self._change(target, found, scope)
                    if target.attr in TOKENS:
                        self.calls.append(token_set(target, value, found, self._text, self._span))

    def _change(self, target: ast.Attribute, value: Node, scope: Scope) -> None:
        """Let ``config.r = 8`` change the call that made ``config``, unless it was trained with."""
        if scope.trained:
            return
        name = dotted(target.value)
        made = scope.names.get(name)
        for index, call in enumerate(self.calls):
            if not isinstance(made, Mapping) or not isinstance(call.value, Mapping):
                continue
            if call.value.entries is made.entries and call.key.text.endswith(_SETTINGS):
                key = Scalar(text=target.attr, plain=False, span=self._span(target))
                entries = (*made.entries, Entry(key=key, value=value))
                changed = replace(call.value, entries=entries)
                self.calls[index] = replace(call, value=changed)
                scope.names[name] = replace(made, entries=entries)

    def _flow(self, node: ast.stmt, scope: Scope) -> None:
        """Walk the branches; what they assign is uncertain afterwards."""
        if isinstance(node, ast.For) and (found := frozen(node, scope)) is not None:
            self.calls.append(found)
        for part in expressions(node):
            self._expression(part, scope)
        if isinstance(node, (ast.With, ast.AsyncWith)) or is_main(node):
            for body in bodies(node):
                self._block(body, scope)
            return
        taken = truth(node.test, scope) if isinstance(node, ast.If) else None
        if isinstance(node, ast.If) and (node.orelse or not taken):
            self._choose([node.body, node.orelse])
        if isinstance(node, ast.Try) and all(leaves(handler.body) for handler in node.handlers):
            for body in (node.body, node.orelse, node.finalbody):
                self._block(body, scope)
        for index, body in enumerate(_open(node)):
            inner = scope.inner()
            if isinstance(node, ast.If) and taken is bool(index):
                self._doubt(node.test, inner)
            before = dict(inner.names)
            self._branch(node, body, inner)
            self._meet(body, before, inner, scope)

    def _meet(
        self, body: list[ast.stmt], before: dict[str, Node | None], inner: Scope, scope: Scope
    ) -> None:
        """Doubt what a branch assigns, for all that may run after it."""
        changed = [name for name in inner.names if inner.names[name] is not before.get(name)]
        if not leaves(body):
            for name in changed:
                if not is_made_alike(before.get(name), inner.names[name]):
                    settled = self._functions.settled(name, inner)
                    scope.names[name] = inner.names[name] if settled else None
        elif isinstance(body[-1], ast.Return):
            self._functions.left |= set(changed)

    def _branch(self, node: ast.stmt, body: list[ast.stmt], inner: Scope) -> None:
        """Walk one branch; in a loop, what it assigns is uncertain from its start."""
        if isinstance(node, (ast.For, ast.While, ast.AsyncFor)):
            inner.names |= dict.fromkeys(assigned(body))
        self._block(body, inner)

    def _choose(self, blocks: Iterable[Listing[ast.AST]]) -> None:
        """Record stretches of the program that exclude each other, or that may be passed over."""
        ends = ((block[0], block[-1]) for block in blocks if block)
        spans = [Span(self._span(a).start, self._span(b).end) for a, b in ends]
        items = tuple(Scalar(text="", plain=False, span=span) for span in spans)
        whole = Span(spans[0].start, spans[-1].end)
        key = Scalar(text=CHOICE, plain=False, span=Span(whole.start, whole.start))
        self.calls.append(Entry(key=key, value=Sequence(items=items, span=whole)))

    def _doubt(self, test: ast.expr, inner: Scope) -> None:
        """Forget what a branch tests where the values known so far do not lead into it."""
        for name, part in tested(test, self._tests).items():
            inner.names[name] = None
            if isinstance(part, ast.Attribute):
                inner.options = {**inner.options, part.attr: None}

    def _call(self, node: ast.Call, scope: Scope) -> Node | None:
        if not self._is_kept(node):
            return self._returned(node, scope)
        if id(node) not in self._seen:
            name = self._called(node)
            if name == "get_peft_config":
                self._seen[id(node)] = self._described(node, scope)
                return self._seen[id(node)]
            inline = kept(name) == "inline"
            self._seen[id(node)] = self._record(node, name, scope, inline=inline)
        return self._seen[id(node)]

    def _returned(self, node: ast.Call, scope: Scope) -> Node | None:
        """Return what ``model.to(…)`` and ``load_dataset(…).map(…)`` hand back: their owner."""
        if isinstance(node.func, ast.Name) or self._functions.takes(node, scope):
            return self._functions.handed_back(node, scope)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if not isinstance(node.func, ast.Attribute) or name not in OF_SPLITS | OF_ITSELF:
            return None
        held = resolve(node.func.value, scope)
        entries = held.entries if isinstance(held, Mapping) else None
        made = [
            call.key.text
            for call in self.calls
            if isinstance(call.value, Mapping) and call.value.entries is entries
        ]
        fits = made and (name in OF_ITSELF) is not (made[-1] == "load_dataset")
        return held if fits else None

    def _called(self, node: ast.Call) -> str:
        name = name_of(node.func)
        return canonical(self._aliases.get(name, name))

    def _is_kept(self, node: ast.Call) -> bool:
        """Whether a call is one of a library's that say something of the training."""
        name = self._called(node)
        if not kept(name) or name_of(node.func) in self._own:
            return False
        of = dotted(node.func).rpartition(".")[0]
        if name[:1].islower():
            return of not in self._own or not is_loader(of)
        return not self._strange & {of, root_of(node.func)} or is_of_library(of)

    def _described(self, node: ast.Call, scope: Scope) -> Node | None:
        """Record the config that ``get_peft_config({"peft_type": "LORA", …})`` makes."""
        found = adapter_of(node, scope)
        self.calls += [found] if found is not None else []
        return found.value if found is not None else None

    def _record(self, node: ast.Call, name: str, scope: Scope, *, inline: bool) -> Node:
        span = self._span(node)
        given = Mapping(entries=tuple(arguments(node, name, scope, self._aliases)), span=span)
        if not inline:
            function = self._span(node.func)
            start = max(function.end - len(name_of(node.func)), function.start)
            key = Scalar(text=name, plain=False, span=Span(start, function.end))
            self.calls.append(Entry(key=key, value=given))
        return given


def _open(node: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks of a statement that may be passed over."""
    if isinstance(node, ast.Try) and all(leaves(handler.body) for handler in node.handlers):
        return [handler.body for handler in node.handlers]
    return bodies(node)
