"""The closed language of conditions: Python's expression syntax, three-valued, no object's call.

A condition reads facts (``lora.r``), compares, calculates and combines them. There is no
attribute of a value, no call beyond :data:`FUNCTIONS`, no power, no comprehension and no string
arithmetic, so a rule from a stranger can be run like the data it is.

Logic is Kleene's: what is unknown stays unknown unless the other operand decides. ``parse`` gives
nested lists (JSON), which a build stores; ``evaluate`` walks them.
"""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator

Tree = list[Any]
Lookup = "Callable[[str], object]"

MAX_TEXT: Final = 2_000
"""Longest text (characters) of a condition, and of a value a pattern is tried on."""


class ExpressionError(ValueError):
    """The text is not in the closed language; the message says what is not allowed."""


def _matches(value: object, pattern: object) -> object:
    if not isinstance(value, str) or not isinstance(pattern, str) or len(value) > MAX_TEXT:
        return UNKNOWN
    return re.fullmatch(pattern, value) is not None


def _starts(value: object, prefix: object) -> object:
    return isinstance(value, str) and isinstance(prefix, str) and value.startswith(prefix)


def _length(value: object) -> object:
    return len(value) if isinstance(value, (str, list, tuple, dict)) else UNKNOWN


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _is_text(value: object) -> object:
    return isinstance(value, str)


def _is_list(value: object) -> object:
    return isinstance(value, (list, tuple))


def _number(function: Callable[[Any], object]) -> Callable[[object], object]:
    def apply(value: object) -> object:
        return function(value) if isinstance(value, (int, float)) else UNKNOWN

    return apply


def _shared(left: object, right: object) -> object:
    if not isinstance(left, (list, tuple)) or not isinstance(right, (list, tuple)):
        return UNKNOWN
    return any(item in right for item in left)


FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
    "matches": _matches,  # the whole text fits a regular expression
    "startswith": _starts,
    "lower": _lower,
    "len": _length,
    "abs": _number(abs),
    "sqrt": _number(lambda value: math.sqrt(value) if value >= 0 else UNKNOWN),
    "is_text": _is_text,
    "is_list": _is_list,
    "shares": _shared,  # two lists have an item in common
}
FIELD_FUNCTIONS: Final = ("written", "known")
"""Functions of a field, not of its value: did the user write it, is its value known."""

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "In": lambda item, container: item in container,
    "NotIn": lambda item, container: item not in container,
    "Is": operator.is_,
    "IsNot": operator.is_not,
}
_CALCULATE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
}


def parse(text: str) -> Tree:
    """Turn a condition into nested lists; :class:`ExpressionError` names what is not allowed."""
    import ast  # noqa: PLC0415 - only builds and tests parse; a run reads the stored lists

    if len(text) > MAX_TEXT:
        raise ExpressionError(f"longer than {MAX_TEXT} characters")
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"not a Python expression: {error}") from None
    return _convert(body)


def _convert(node: ast.expr) -> Tree:
    convert = _CONVERTERS.get(type(node).__name__)
    if convert is None:
        raise ExpressionError(f"{type(node).__name__} is not part of the language")
    return convert(node)


def _constant(node: ast.Constant) -> Tree:
    if not isinstance(node.value, (str, int, float, bool, type(None))):
        raise ExpressionError(f"constant {node.value!r} is not part of the language")
    return ["const", node.value]


def _list(node: ast.List | ast.Tuple) -> Tree:
    items = [_convert(item) for item in node.elts]
    if any(item[0] != "const" for item in items):
        raise ExpressionError("a list holds constants only")
    return ["const", [item[1] for item in items]]


def _attribute(node: ast.Attribute) -> Tree:
    owner = node.value
    if type(owner).__name__ != "Name" or node.attr.startswith("_"):
        raise ExpressionError("a name is GROUP.FACT, such as lora.r")
    return ["name", f"{owner.id}.{node.attr}"]  # type: ignore[attr-defined]


def _boolean(node: ast.BoolOp) -> Tree:
    return [type(node.op).__name__.lower(), [_convert(value) for value in node.values]]


def _unary(node: ast.UnaryOp) -> Tree:
    kind = type(node.op).__name__
    if kind == "Not":
        return ["not", _convert(node.operand)]
    operand = _convert(node.operand)
    if kind != "USub":
        raise ExpressionError(f"{kind} is not part of the language")
    if operand[0] == "const" and isinstance(operand[1], (int, float)):
        return ["const", -operand[1]]
    return ["calc", "Sub", ["const", 0], operand]


def _binary(node: ast.BinOp) -> Tree:
    kind = type(node.op).__name__
    if kind not in _CALCULATE:
        raise ExpressionError(f"{kind} is not part of the language")
    return ["calc", kind, _convert(node.left), _convert(node.right)]


def _compare(node: ast.Compare) -> Tree:
    steps = [
        [type(op).__name__, _convert(right)]
        for op, right in zip(node.ops, node.comparators, strict=True)
    ]
    return ["compare", _convert(node.left), steps]


def _call(node: ast.Call) -> Tree:
    name = getattr(node.func, "id", None)
    if node.keywords or name not in {*FUNCTIONS, *FIELD_FUNCTIONS}:
        raise ExpressionError(f"only these can be called: {', '.join(allowed_functions())}")
    arguments = [_convert(argument) for argument in node.args]
    if name in FIELD_FUNCTIONS:
        if len(arguments) != 1 or arguments[0][0] != "name":
            raise ExpressionError(f"{name}() takes one field")
        return [name, arguments[0][1]]
    if name == "matches" and (len(arguments) != 2 or arguments[1][0] != "const"):  # noqa: PLR2004
        raise ExpressionError("matches() takes a value and a constant pattern")
    return ["call", name, arguments]


_CONVERTERS: Final[dict[str, Callable[[Any], Tree]]] = {
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


def evaluate(tree: Tree, lookup: Callable[[str], object], field: Callable[..., object]) -> object:
    """Evaluate nested lists to a value or :data:`UNKNOWN`; never raises on any value.

    ``lookup`` gives the value of a fact or UNKNOWN; ``field(function, name)`` answers
    ``written`` and ``known``.
    """
    kind = tree[0]
    if kind == "const":
        return tree[1]
    if kind == "name":
        return lookup(tree[1])
    if kind in ("and", "or"):
        return _combine(tree, lookup, field)
    if kind == "not":
        value = truth(evaluate(tree[1], lookup, field))
        return UNKNOWN if value is UNKNOWN else not value
    if kind == "compare":
        return _chain(tree, lookup, field)
    if kind == "calc":
        left, right = (evaluate(part, lookup, field) for part in tree[2:])
        return _calculated(tree[1], left, right)
    if kind == "call":
        return _called(tree[1], [evaluate(part, lookup, field) for part in tree[2]])
    return field(kind, tree[1])


def truth(value: object) -> object:
    """Reduce a value to True, False or UNKNOWN."""
    return UNKNOWN if value is UNKNOWN else bool(value)


def _combine(tree: Tree, lookup: Callable[[str], object], field: Callable[..., object]) -> object:
    decisive = tree[0] == "or"
    result: object = not decisive
    for part in tree[1]:
        value = truth(evaluate(part, lookup, field))
        if value is decisive:
            return value
        if value is UNKNOWN:
            result = UNKNOWN
    return result


def _chain(tree: Tree, lookup: Callable[[str], object], field: Callable[..., object]) -> object:
    left = evaluate(tree[1], lookup, field)
    result: object = True
    for kind, part in tree[2]:
        right = evaluate(part, lookup, field)
        outcome = _compared(kind, left, right)
        if outcome is False:
            return False
        if outcome is UNKNOWN:
            result = UNKNOWN
        left = right
    return result


def _compared(kind: str, left: object, right: object) -> object:
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    try:
        return bool(_COMPARE[kind](left, right))
    except TypeError:  # an unset (None) or mistyped value has no order
        return UNKNOWN


def _calculated(kind: str, left: object, right: object) -> object:
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        return UNKNOWN
    try:
        return _CALCULATE[kind](left, right)
    except (ZeroDivisionError, OverflowError):
        return UNKNOWN


def _called(name: str, arguments: list[object]) -> object:
    if any(argument is UNKNOWN for argument in arguments):
        return UNKNOWN
    try:
        return FUNCTIONS[name](*arguments)
    except (TypeError, OverflowError):
        return UNKNOWN
