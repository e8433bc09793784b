"""The functions of a program's own: what each is given where it is called, what it hands back.

Each is walked once: at its one call, with what is known there, else by itself.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from lora_advisor.source.python_nodes import name_of
from lora_advisor.source.python_objects import INIT, SELF, Function, Method, Objects
from lora_advisor.source.python_options import field_default
from lora_advisor.source.python_values import is_bare_unknown, is_none, resolve
from lora_advisor.source.tree import Node, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lora_advisor.source.python_values import Scope


MARK: Final = "#"
"""Stands between a class and an attribute of its one instance, among the names of a scope."""
_ASKS: Final = frozenset(
    {"super", "isinstance", "hasattr", "getattr", "type", "id", "print", "repr"}
)
"""Calls that change nothing of what they are given."""


class Functions:
    """Walks the functions and methods of a program."""

    def __init__(self, block: Callable[[list[ast.stmt], Scope], None]) -> None:
        self.returns: list[Node] = []
        self.left: set[str] = set()
        self.objects = Objects()
        self.calls: dict[str, list[ast.Call]] = {}
        self.module: Scope | None = None
        self._block: Callable[[list[ast.stmt], Scope], None] | None = block
        self._every: list[Function] = []
        self._free: dict[str, list[Function]] = {}
        self._walked: set[int] = set()
        self._results: dict[int, Node | None] = {}

    def take(
        self, functions: list[Function], classes: list[ast.ClassDef], rest: list[ast.AST]
    ) -> None:
        """Note the functions and classes of a program, and its other statements and calls."""
        self._every = functions
        if classes:
            self.objects.take(rest, classes)
        for node in functions:
            if id(node) not in self.objects.methods:
                self._free.setdefault(node.name, []).append(node)

    def walk_rest(self) -> None:
        """Walk by itself what was not walked where it is called.

        Constructors come first, then what nobody calls: it may call others.
        """
        for node in sorted(self._every, key=self._rank):
            method = self.objects.methods.get(id(node))
            if id(node) not in self._walked and self.module is not None:
                self._walk(node, self.module, method=method)

    def close(self) -> None:
        """Let go of the program, which holds its functions: a circle would be kept in memory."""
        self.module = self._block = None

    def _rank(self, node: Function) -> int:
        called = bool(self._calls(node, self.objects.methods.get(id(node))))
        return 0 if node.name == INIT else 1 + called

    def takes(self, node: ast.Call, scope: Scope) -> bool:
        """Whether a call is one of a function or a method of the program."""
        if isinstance(node.func, ast.Name):
            return node.func.id in self._free or node.func.id in self.objects.classes
        return bool(self.objects.classes) and self.objects.method(node, scope) is not None

    def handed_back(self, node: ast.Call, scope: Scope) -> Node | None:
        """Return what one of the program's own functions makes, if it is called just once."""
        if id(node) not in self._results:
            self._results[id(node)] = None  # for one that calls itself
            self._results[id(node)] = self._result(node, scope)
        return self._results[id(node)]

    def settled(self, name: str, scope: Scope) -> bool:
        """Whether an attribute is what a branch makes it, if it is anything to work with."""
        mark, _, attribute = name.rpartition(".")
        own = f"{mark}." == SELF and bool(scope.owner)
        return own and self.objects.settled(scope.owner, attribute, scope.names[name])

    def _result(self, node: ast.Call, scope: Scope) -> Node | None:
        function = self._function(node)
        if function is not None and self._is_once(function, None, node):
            return self._walk(function, scope, node)
        self.lend(node, scope)
        if function is not None:
            self._forget_all(scope)
            return None
        method = self.objects.method(node, scope)
        return self._call_method(method, node, scope) if method is not None else None

    def lend(self, node: ast.Call, scope: Scope) -> None:
        """Doubt what is known of an instance that is given to a call nobody follows."""
        instances = self.objects.instances
        if not instances and not scope.owner:
            return
        for given in (*node.args, *(keyword.value for keyword in node.keywords)):
            if not isinstance(given, ast.Name) or name_of(node.func) in _ASKS:
                continue
            if given.id == "self":
                self._forget(scope.owner, SELF, scope)
            elif given.id in instances:
                self._forget(instances[given.id], instances[given.id] + MARK, scope)

    def _forget_all(self, scope: Scope) -> None:
        scope.names |= {name: None for name in _marked(scope) if not name.endswith(MARK)}

    def _function(self, node: ast.Call) -> Function | None:
        """Return the one function of a name that is called, None for a method."""
        if not isinstance(node.func, ast.Name):
            return None
        named = self._free.get(node.func.id, ())
        return named[0] if len(named) == 1 else None

    def _is_once(self, function: Function, method: Method | None, node: ast.Call) -> bool:
        """Whether a function has this one call, and nothing is put around it."""
        free = id(function) not in self._walked and not function.decorator_list
        return free and self._calls(function, method) == [node]

    def _calls(self, function: Function, method: Method | None) -> list[ast.Call]:
        if method is None or function.name == INIT:
            return self.calls.get(function.name if method is None else method.owner, [])
        return self.objects.calls_of(method)

    def _call_method(self, method: Method, node: ast.Call, scope: Scope) -> Node | None:
        """Walk a method with what is known of its instance, and take over what it leaves there."""
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(receiver, ast.Call):
            resolve(receiver, scope)  # a constructor, most often
        mark = SELF if _is_own(node) else method.owner + MARK
        makes = isinstance(node.func, ast.Name)
        alone = self.objects.stands_alone(method.owner)
        if not alone or (not makes and mark != SELF and mark not in scope.names):
            self._forget(method.owner, mark, scope)
            return None
        if not self._is_once(method.function, method, node):
            self._unsettle(method, mark, scope)
            return None
        result = self._walk(method.function, scope, node, method, mark)
        scope.names |= {mark: None} if makes else {}
        return None if makes else result

    def _forget(self, owner: str, mark: str, scope: Scope) -> None:
        """Doubt all of an instance but what is settled."""
        kept = self.objects.kept.get(owner, {})
        known = [name for name in scope.names if name.startswith(mark) and name != mark]
        scope.names |= {name: kept.get(name[len(mark) :]) for name in known}

    def _unsettle(self, method: Method, mark: str, scope: Scope) -> None:
        """Doubt what a method sets that is not walked where it is called."""
        for name in self.objects.stored_by(method):
            scope.names[mark + name] = self.objects.kept.get(method.owner, {}).get(name)

    def _walk(
        self,
        node: Function,
        caller: Scope,
        call: ast.Call | None = None,
        method: Method | None = None,
        mark: str = "",
    ) -> Node | None:
        """Walk a function, and return what its one ``return`` hands back."""
        self._walked.add(id(node))
        outer, self.returns, self.left = (self.returns, self.left), [], set()
        inner = self._entered(node, caller, call, method)
        if method is not None:
            inner.owner = method.owner
            inner.names |= self._attributes(method.owner, caller, mark)
        if self._block is not None:
            self._block(node.body, inner)
        returns, left = self.returns, self.left
        self.returns, self.left = outer
        if method is not None:
            self._leave(method.owner, inner, left, caller, mark)
        elif call is not None and self.objects.instances:
            caller.names |= _marked(inner)
        return returns[0] if len(returns) == 1 else None

    def _attributes(self, owner: str, caller: Scope, mark: str) -> dict[str, Node | None]:
        """Return what is known of the attributes where a method begins."""
        kept = self.objects.kept.get(owner, {})
        found: dict[str, Node | None] = {f"{SELF}{name}": kept[name] for name in kept}
        known = [name for name in caller.names if mark and name.startswith(mark) and name != mark]
        return found | {f"{SELF}{name[len(mark) :]}": caller.names[name] for name in known}

    def _leave(self, owner: str, inner: Scope, left: set[str], caller: Scope, mark: str) -> None:
        """Hand on what a method leaves in the attributes of its instance."""
        found = {
            name[len(SELF) :]: None if name in left or is_none(value) else value
            for name, value in inner.names.items()
            if name.startswith(SELF)
        }
        self.objects.keep(owner, found)
        if mark:
            doubted = self.objects.doubted
            caller.names |= {mark + n: None if doubted(n) else found[n] for n in found}

    def _entered(
        self, node: Function, caller: Scope, call: ast.Call | None, method: Method | None
    ) -> Scope:
        """Return what the names of a function stand for where its body begins."""
        scope = caller if self.module is None else self.module
        inner = scope.inner()
        inner.options, inner.owner = caller.options, ""
        if self.objects.instances:
            inner.names = {name: scope.names[name] for name in scope.names if MARK not in name}
            inner.names |= _marked(caller) if call is not None and method is None else {}
        calls = [call] if call is not None else self._calls(node, method)
        bound = method is not None and not _is_static(node)
        for index, (name, default) in enumerate(_parameters(node)):
            known = scope.options.get(name) if default is None else None
            plain = field_default(default, scope) if default is not None else known
            at = index - bound if index < len(node.args.posonlyargs + node.args.args) else None
            given = [_given(one, name, at, caller, plain) for one in calls]
            inner.names[name] = _agreed(given) if given else plain
        return inner


def _marked(scope: Scope) -> dict[str, Node | None]:
    """Return what is known of the instances that a block of the program made."""
    return {name: value for name, value in scope.names.items() if MARK in name}


def _parameters(node: Function) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the parameters of a function, each with its default."""
    placed = [*node.args.posonlyargs, *node.args.args]
    missing = [None] * (len(placed) - len(node.args.defaults))
    defaults = [*missing, *node.args.defaults, *node.args.kw_defaults]
    for parameter, default in zip([*placed, *node.args.kwonlyargs], defaults, strict=True):
        yield parameter.arg, default


def _given(
    call: ast.Call, name: str, at: int | None, scope: Scope, default: Node | None
) -> Node | None:
    """Return what a call gives a parameter, None if that is uncertain."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    placed = call.args[: at + 1] if at is not None and at >= 0 else []
    if any(isinstance(argument, ast.Starred) for argument in placed):
        return None
    reached = at is not None and 0 <= at < len(call.args)
    value = named.get(name, call.args[at] if reached and at is not None else None)
    if value is None:
        return None if None in named else default
    known = resolve(value, scope)
    return None if is_bare_unknown(known) else known


def _agreed(values: list[Node | None]) -> Node | None:
    """Return what all calls give, None where they differ."""
    first = values[0]
    return first if all(_is_same(first, other) for other in values[1:]) else None


def _is_same(one: Node | None, other: Node | None) -> bool:
    """Whether two values are alike; what two calls make is not."""
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return (one.text, one.plain, one.tag) == (other.text, other.plain, other.tag)
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        alike = len(one.items) == len(other.items)
        return alike and all(map(_is_same, one.items, other.items))
    return False


def _is_own(node: ast.Call) -> bool:
    """Whether a method is called on ``self``."""
    receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
    return isinstance(receiver, ast.Name) and receiver.id == "self"


def _is_static(node: Function) -> bool:
    names = (name for name in node.decorator_list if isinstance(name, ast.Name))
    return any(name.id == "staticmethod" for name in names)
