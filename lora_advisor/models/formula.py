"""Small formulas over the fields of a ``config.json``: sizes, counts, and which of several cases.

A formula is plain JSON. Of a size: a number, or a sum ``["+", [factor, atom, …], …]`` of products;
an atom is a field, ``["//", a, b]``, ``["*", a, b]``, ``["-", a, b]``, ``["^", a, b]`` (the next
multiple of b), ``["#", list]`` (its length), ``["[]", list]`` (its element at the index of the
layer), ``["[]", list, n]`` or ``["@", depth]`` (the index itself). Of a case:
a constant, or ``["?", test, [[value, formula], …]]``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Formula: TypeAlias = Any
Fields: TypeAlias = "Mapping[str, Any]"
Indices: TypeAlias = tuple[int, ...]


class OpenError(Exception):
    """A formula has no answer for a config: a case nobody has looked at."""


def value(formula: Formula, fields: Fields, at: Indices) -> Any:
    """Return the value of a formula for a config, in the layer that ``at`` counts to."""
    while isinstance(formula, list) and formula and formula[0] == "?":
        formula = _case(formula, fields, at)
    if isinstance(formula, list) and formula and formula[0] == "+":
        return sum(_product(term, fields, at) for term in formula[1:])
    return formula


def _case(formula: Sequence[Any], fields: Fields, at: Indices) -> Formula:
    found = test(formula[1], fields, at)
    for known, rest in formula[2]:
        if known == found and type(known) is type(found):
            return rest
    raise OpenError(f"{formula[1]} is {found!r}")


def _product(term: Sequence[Any], fields: Fields, at: Indices) -> int:
    return math.prod(atom(part, fields, at) for part in term)


def atom(part: Any, fields: Fields, at: Indices) -> int:
    """Return the whole number an atom stands for; OpenError where the config has none."""
    if isinstance(part, int):
        return part
    found = fields.get(part) if isinstance(part, str) else _compound(part, fields, at)
    if isinstance(found, bool) or not isinstance(found, int):
        raise OpenError(f"{part} is {found!r}")
    return found


def _compound(part: Sequence[Any], fields: Fields, at: Indices) -> Any:
    kind, first, *rest = part
    if kind in ("//", "*", "-", "^"):
        return _reckoned(kind, atom(first, fields, at), atom(rest[0], fields, at))
    if kind == "@":
        return at[first]
    if kind == "**":
        return 2 ** at[first]
    items = fields.get(first)
    if not isinstance(items, list):
        raise OpenError(f"{first} is no list")
    return len(items) if kind == "#" else _item(items, rest[0], at)


def _reckoned(kind: str, one: int, other: int) -> int:
    if kind in ("*", "-"):
        return one * other if kind == "*" else one - other
    if other == 0:
        raise OpenError("a divisor is 0")
    return one // other if kind == "//" else -(-one // other) * other


def _item(items: Sequence[Any], where: Any, at: Indices) -> Any:
    position = at[where[0]] if isinstance(where, list) else where
    if position >= len(items):
        raise OpenError(f"a list ends before {position}")
    return items[position]


def test(question: Sequence[Any], fields: Fields, at: Indices) -> Any:
    """Answer the question that tells cases apart: a word, a number or a truth value."""
    kind, *parts = question
    if kind == "is":
        return fields.get(parts[0])
    if kind == "none":
        return fields.get(parts[0]) is None
    if kind == "same":
        return fields.get(parts[0]) == fields.get(parts[1])
    if kind == "truth":
        return bool(fields.get(parts[0]))
    if kind == "in":
        return at[parts[1]] in (fields.get(parts[0]) or ())
    if kind == "at":
        return _item(fields.get(parts[0]) or (), [parts[1]], at)
    return _numbers(kind, [atom(part, fields, at) for part in parts])


def _numbers(kind: str, numbers: Sequence[int]) -> Any:
    if kind == "num":
        return numbers[0]
    if kind == "<":
        return numbers[0] < numbers[1]
    if kind == "%":
        if numbers[1] == 0:
            raise OpenError("a step is 0")
        return (numbers[0] + numbers[2]) % numbers[1] == 0
    raise OpenError(kind)
