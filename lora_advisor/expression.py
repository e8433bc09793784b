"""The closed language of conditions: Python's expression syntax, no object's call.

A condition reads facts (``lora.r``), compares, calculates and combines them. There is no
attribute of a value, no call beyond :data:`FUNCTIONS` and those of the card's own plugin, no power,
no comprehension, no string arithmetic and no pattern that takes long, so a rule from a stranger can
be run like the data it is. ``parse`` gives nested lists
(JSON), which a build stores; :mod:`lora_advisor.condition` makes functions of them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.backtracking import refused
from lora_advisor.condition import CALCULATE, FIELD_FUNCTIONS, FUNCTIONS, MAX_TEXT, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

MAX_DEPTH: Final = 50
"""Deepest nesting of a condition; a card needs ten."""


class ExpressionError(ValueError):
    """The text is not in the closed language; the message says what is not allowed."""


def parse(text: str, functions: Collection[str] = ()) -> Tree:
    """Turn a condition into nested lists; :class:`ExpressionError` names what is not allowed.

    ``functions`` are names that may be called beside those of the language.
    """
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"longer than {MAX_TEXT} characters")
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"not a Python expression: {error}") from None
    if _depth(body) > MAX_DEPTH:
        raise ExpressionError(f"nested deeper than {MAX_DEPTH} levels")
    return _convert(body, functions)


def _depth(node: ast.expr) -> int:
    """Measure without recursion, which a hostile text would exhaust."""
    level: list[ast.AST] = [node]
    depth = 0
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _convert(node: ast.expr, functions: Collection[str]) -> Tree:
    convert = _CONVERTERS.get(type(node).__name__)
    if convert is None:
        raise ExpressionError(f"{type(node).__name__} is not part of the language")
    return convert(node, functions)


def _constant(node: ast.Constant, _functions: Collection[str]) -> Tree:
    if not isinstance(node.value, (str, int, float, bool, type(None))):
        raise ExpressionError(f"constant {node.value!r} is not part of the language")
    return ["const", node.value]


def _list(node: ast.List | ast.Tuple, functions: Collection[str]) -> Tree:
    items = [_convert(item, functions) for item in node.elts]
    if any(item[0] != "const" for item in items):
        raise ExpressionError("a list holds constants only")
    return ["const", [item[1] for item in items]]


def _attribute(node: ast.Attribute, _functions: Collection[str]) -> Tree:
    owner = node.value
    if type(owner).__name__ != "Name" or node.attr.startswith("_"):
        raise ExpressionError("a name is GROUP.FACT, such as lora.r")
    return ["name", f"{owner.id}.{node.attr}"]  # type: ignore[attr-defined]


def _boolean(node: ast.BoolOp, functions: Collection[str]) -> Tree:
    return [type(node.op).__name__.lower(), [_convert(value, functions) for value in node.values]]


def _unary(node: ast.UnaryOp, functions: Collection[str]) -> Tree:
    kind = type(node.op).__name__
    if kind == "Not":
        return ["not", _convert(node.operand, functions)]
    operand = _convert(node.operand, functions)
    if kind != "USub":
        raise ExpressionError(f"{kind} is not part of the language")
    if operand[0] == "const" and isinstance(operand[1], (int, float)):
        return ["const", -operand[1]]
    return ["calc", "Sub", ["const", 0], operand]


def _binary(node: ast.BinOp, functions: Collection[str]) -> Tree:
    kind = type(node.op).__name__
    if kind not in CALCULATE:
        raise ExpressionError(f"{kind} is not part of the language")
    return ["calc", kind, _convert(node.left, functions), _convert(node.right, functions)]


def _compare(node: ast.Compare, functions: Collection[str]) -> Tree:
    steps = [
        [type(op).__name__, _convert(right, functions)]
        for op, right in zip(node.ops, node.comparators, strict=True)
    ]
    return ["compare", _convert(node.left, functions), steps]


def _call(node: ast.Call, functions: Collection[str]) -> Tree:
    name = getattr(node.func, "id", None)
    if node.keywords or name not in {*FUNCTIONS, *FIELD_FUNCTIONS, *functions}:
        allowed = ", ".join([*allowed_functions(), *functions])
        raise ExpressionError(f"only these can be called: {allowed}")
    arguments = [_convert(argument, functions) for argument in node.args]
    if name in FIELD_FUNCTIONS:
        if len(arguments) != 1 or arguments[0][0] != "name":
            raise ExpressionError(f"{name}() takes one field")
        return [name, arguments[0][1]]
    if name == "matches":
        _refuse_pattern(arguments)
    return ["call", name, arguments]


def _refuse_pattern(arguments: list[Tree]) -> None:
    if len(arguments) != 2 or arguments[1][0] != "const" or not isinstance(arguments[1][1], str):  # noqa: PLR2004
        raise ExpressionError("matches() takes a value and a constant pattern")
    why = refused(arguments[1][1], MAX_TEXT)
    if why is not None:
        raise ExpressionError(f"pattern {arguments[1][1][:40]!r}: {why}")


_CONVERTERS: Final[dict[str, Callable[[Any, Collection[str]], Tree]]] = {
    "Constant": _constant,
    "List": _list,
    "Tuple": _list,
    "Attribute": _attribute,
    "BoolOp": _boolean,
    "UnaryOp": _unary,
    "BinOp": _binary,
    "Compare": _compare,
    "Call": _call,
}


def allowed_functions() -> list[str]:
    """Return the names a condition may call, in alphabetical order."""
    return sorted({*FUNCTIONS, *FIELD_FUNCTIONS})


def names(tree: Tree) -> Iterator[str]:
    """Yield every fact a condition reads (``lora.r``), in the order of the text."""
    if tree[0] == "name" or tree[0] in FIELD_FUNCTIONS:
        yield tree[1]
        return
    for part in tree[1:]:
        if isinstance(part, list):
            yield from _names_in(part)


def _names_in(part: Tree) -> Iterator[str]:
    if part and isinstance(part[0], str):
        if part[0] != "const":
            yield from names(part)
        return
    for inner in part:
        if isinstance(inner, list):
            yield from _names_in(inner)


def conjuncts(tree: Tree) -> list[Tree]:
    """Split a condition at its outermost ``and``: one that is false decides it."""
    if tree[0] != "and":
        return [tree]
    return [part for inner in tree[1] for part in conjuncts(inner)]
