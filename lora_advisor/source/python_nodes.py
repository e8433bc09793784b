"""Small questions about the nodes of a Python program."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.position import line_starts
from lora_advisor.source.scalars import is_unknown
from lora_advisor.source.tree import Comment, Mapping, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Mapping as Names
    from collections.abc import Sequence as Listing

    from lora_advisor.source.tree import Node


_LEAVES: Final = frozenset(
    {
        *("ctx", "op", "ops", "id", "attr", "arg", "kind", "type_comment", "module", "level"),
        *("names", "simple", "is_async", "conversion", "kwd_attrs"),
    }
)
"""Parts of a node that hold no statement, expression or clause of one."""
_SPOKEN: Final = pattern(
    r"lora-advisor:|--(?:num_processes|nproc[_-]per[_-]node|num_gpus)"
    r"|#.*(?:NPROC_PER_NODE|CUDA_VISIBLE_DEVICES)"
)
"""What comments are read for: to be ignored, and how many processes and GPUs are used."""


MUTATORS: Final = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault"}
)
"""Methods that change a list or a mapping."""


_EXITS: Final = frozenset({"exit", "quit", "sys.exit", "os._exit"})


def nodes(root: ast.AST) -> list[ast.AST]:
    """Return a node and all below it in the order of :func:`ast.walk`, but for names and signs."""
    found = [root]
    for node in found:
        for name in _PARTS[type(node)]:
            part = getattr(node, name, None)
            if type(part) is list:
                found += part if None not in part else [inner for inner in part if inner]
            elif isinstance(part, ast.AST):
                found.append(part)
    return found


class _Parts(dict[Any, tuple[str, ...]]):
    """The parts of each kind of node that may hold nodes, found when one is first met."""

    def __missing__(self, kind: Any) -> tuple[str, ...]:
        fields = () if kind is ast.Constant else kind._fields
        self[kind] = tuple(name for name in fields if name not in _LEAVES)
        return self[kind]


_PARTS: Final = _Parts()


def name_of(node: ast.expr) -> str:
    """Return the last name of a name or attribute, empty for another expression."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def dotted(node: ast.expr) -> str:
    """Return a name, or an attribute with the name it belongs to (``args.r``)."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return name_of(node)


def tested(test: ast.expr, told: Names[str, ast.expr]) -> dict[str, ast.expr]:
    """Return what a test asks for, by name, and what decides those of it that are told apart.

    After ``use_lora = rank > 0``, which is told, a test of ``use_lora`` is one of ``rank``.
    """
    found: dict[str, ast.expr] = {}
    asked = [test]
    for expression in asked:
        for node in nodes(expression):
            if isinstance(node, (ast.Attribute, ast.Name)) and dotted(node) not in found:
                found[dotted(node)] = node
                asked += [told[dotted(node)]] if dotted(node) in told else []
    return found


def root_of(node: ast.expr) -> str:
    """Return the first name of an attribute of attributes (``a`` of ``a.b.C``)."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return name_of(node)


def held_by(node: ast.expr) -> ast.expr:
    """Return what an item is one of, however deep (``config`` of ``config["lora"]["r"]``)."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def leaves(body: Listing[ast.stmt]) -> bool:
    """Whether a block ends the function or the program it stands in."""
    last = body[-1]
    called = last.value if isinstance(last, ast.Expr) else None
    exits = isinstance(called, ast.Call) and dotted(called.func) in _EXITS
    return exits or isinstance(last, (ast.Return, ast.Raise))


def expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """Yield the expressions in the head of a statement: a test, what is gone through."""
    for _, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.expr):
                yield part
            elif isinstance(part, ast.withitem):
                yield part.context_expr


def assigned(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements assign to, at any depth."""
    for statement in body:
        for node in nodes(statement):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                yield dotted(node)


def unpacked(target: ast.Tuple | ast.List, value: Node) -> dict[str, Node | None]:
    """Return what ``a, b = 1, 2`` gives each name, None where that is not known.

    Unsloth loads a model together with its tokenizer.
    """
    parts = [part for part in target.elts if not isinstance(part, ast.Starred)]
    values: Listing[Node | None] = value.items if isinstance(value, Sequence) else ()
    if isinstance(value, Mapping) and _loads_both(value):
        values = (value, None)
    fits = len(values) == len(target.elts)
    found: dict[str, Node | None] = dict.fromkeys(map(dotted, target.elts))
    for index, part in enumerate(target.elts):
        known = values[index] if fits and part in parts else None
        bare = isinstance(known, Scalar) and is_unknown(known)
        found[dotted(part)] = None if bare else known
    return found


def _loads_both(made: Mapping) -> bool:
    of = made.get("of")
    loads = not {"model_name", "pretrained_model_name_or_path"}.isdisjoint(made.keys())
    return loads and isinstance(of, Scalar) and of.text.startswith("Fast")


def is_cell(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is a cell of a marimo notebook (``@app.cell``)."""
    names = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return any(isinstance(name, ast.Attribute) and name.attr == "cell" for name in names)


def is_main(node: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__"``."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in nodes(node.test)
    )


def bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks of a statement: its body, what stands under else, its handlers."""
    bodies = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
    bodies += [handler.body for handler in getattr(node, "handlers", [])]
    return [body for body in bodies if body]


def comments(text: str) -> Iterable[Comment]:
    """Yield the comments, found by Python's own tokenizer; none where no word of them counts."""
    if _SPOKEN.search(text) is None:
        return
    import io
    import tokenize

    starts = line_starts(text)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                start = starts[token.start[0] - 1] + token.start[1]
                span = Span(start=start, end=start + len(token.string))
                yield Comment(text=token.string[1:], span=span)
    except (tokenize.TokenError, IndentationError):
        return
