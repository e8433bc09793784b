"""Conditions as functions: three-valued, made of the nested lists that a build stores.

Logic is Kleene's: what is unknown stays unknown unless the other operand decides.
"""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    Lookup: TypeAlias = Callable[[str], object]
    Field: TypeAlias = Callable[[str, str], object]
    _Function: TypeAlias = Callable[[Lookup, Field], object]

Tree = list[Any]

MAX_TEXT: Final = 2_000
"""Longest text (characters) of a condition, and of a value a pattern is tried on."""


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

COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
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
CALCULATE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
}


class Condition:
    """A condition, and its function, which is made from the nested lists when first called.

    The function returns a value or :data:`UNKNOWN` and never raises on any value. Of what it is
    given, ``lookup`` gives the value of a fact or UNKNOWN; ``field(function, name)`` answers
    ``written`` and ``known``.
    """

    __slots__ = ("function", "tree")

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.function: _Function = self._compile

    def _compile(self, lookup: Lookup, field: Field) -> object:
        self.function = _compiled(self.tree)
        return self.function(lookup, field)


def bound(tree: Tree, functions: Mapping[str, Callable[..., object]]) -> Tree:
    """Put a plugin's functions in where its condition calls them by name."""
    if len(tree) == 3 and tree[0] == "call" and tree[1] in functions:  # noqa: PLR2004
        return ["call", functions[tree[1]], [bound(part, functions) for part in tree[2]]]
    if tree and tree[0] == "const":
        return tree
    return [bound(part, functions) if isinstance(part, list) else part for part in tree]


def truth(value: object) -> object:
    """Reduce a value to True, False or UNKNOWN."""
    return UNKNOWN if value is UNKNOWN else bool(value)


def _compiled(tree: Tree) -> _Function:
    return _COMPILERS.get(tree[0], _compiled_about)(tree)


def _compiled_constant(tree: Tree) -> _Function:
    value = tree[1]
    return lambda _lookup, _field: value


def _compiled_name(tree: Tree) -> _Function:
    name = tree[1]
    return lambda lookup, _field: lookup(name)


def _compiled_about(tree: Tree) -> _Function:
    function, name = tree
    return lambda _lookup, field: field(function, name)


def _compiled_boolean(tree: Tree) -> _Function:
    decisive = tree[0] == "or"
    parts = [_compiled(part) for part in tree[1]]

    def combine(lookup: Lookup, field: Field) -> object:
        result: object = not decisive
        for part in parts:
            value = part(lookup, field)
            if value is UNKNOWN:
                result = UNKNOWN
            elif bool(value) is decisive:
                return decisive
        return result

    return combine


def _compiled_not(tree: Tree) -> _Function:
    operand = _compiled(tree[1])

    def negate(lookup: Lookup, field: Field) -> object:
        value = operand(lookup, field)
        return UNKNOWN if value is UNKNOWN else not value

    return negate


def _compiled_comparison(tree: Tree) -> _Function:
    (kind, right), *more = tree[2]
    if tree[1][0] == "name" and right[0] == "const" and not more:
        return _compiled_with_constant(tree[1][1], COMPARE[kind], right[1])
    first = _compiled(tree[1])
    steps = [(COMPARE[kind], _compiled(part)) for kind, part in tree[2]]

    def compare(lookup: Lookup, field: Field) -> object:
        left = first(lookup, field)
        result: object = True
        for holds, part in steps:
            right = part(lookup, field)
            outcome = _compared(holds, left, right)
            if outcome is False:
                return False
            if outcome is UNKNOWN:
                result = UNKNOWN
            left = right
        return result

    return compare


def _compiled_with_constant(
    name: str, holds: Callable[[Any, Any], Any], constant: object
) -> _Function:
    """Compare a fact with a constant, as most conditions do, without a call for either."""

    def compare(lookup: Lookup, _field: Field) -> object:
        value = lookup(name)
        if value is UNKNOWN:
            return UNKNOWN
        try:
            return bool(holds(value, constant))
        except TypeError:  # as in _compared
            return UNKNOWN

    return compare


def _compared(holds: Callable[[Any, Any], Any], left: object, right: object) -> object:
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    try:
        return bool(holds(left, right))
    except TypeError:  # an unset (None) or mistyped value has no order
        return UNKNOWN


def _compiled_calculation(tree: Tree) -> _Function:
    apply, left, right = CALCULATE[tree[1]], _compiled(tree[2]), _compiled(tree[3])

    def calculate(lookup: Lookup, field: Field) -> object:
        one, other = left(lookup, field), right(lookup, field)
        if not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
            return UNKNOWN
        try:
            return apply(one, other)
        except (ZeroDivisionError, OverflowError):
            return UNKNOWN

    return calculate


def _compiled_call(tree: Tree) -> _Function:
    function = tree[1] if callable(tree[1]) else FUNCTIONS[tree[1]]
    parts = [_compiled(part) for part in tree[2]]

    def call(lookup: Lookup, field: Field) -> object:
        arguments = [part(lookup, field) for part in parts]
        if any(argument is UNKNOWN for argument in arguments):
            return UNKNOWN
        try:
            return function(*arguments)
        except (TypeError, OverflowError):
            return UNKNOWN

    return call


_COMPILERS: Final[dict[str, Callable[[Tree], _Function]]] = {
    "const": _compiled_constant,
    "name": _compiled_name,
    "and": _compiled_boolean,
    "or": _compiled_boolean,
    "not": _compiled_not,
    "compare": _compiled_comparison,
    "calc": _compiled_calculation,
    "call": _compiled_call,
}
