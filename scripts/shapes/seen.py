"""What atoms and questions give at every place of a list, each worked out once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lora_advisor.models.formula import OpenError, atom, test

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Place = tuple[dict[str, Any], tuple[int, ...]]
Column = tuple[np.ndarray, np.ndarray]
"""Whole numbers, and where there are any."""
BY_LAYER = ("@", "**", "at", "in", "[]")
UNKNOWN = -1


class Seen:
    """A list of places, with the columns of numbers and answers that were asked of it.

    ``until`` is the CPU time at which a search over them gives up.
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places
        self.until = 0.0
        firsts: dict[int, int] = {}
        self._config = np.array([firsts.setdefault(id(p[0]), len(firsts)) for p in places])
        self._first = np.unique(self._config, return_index=True)[1]
        self._columns: dict[str, Column] = {}
        self._answers: dict[str, np.ndarray] = {}
        self._types: dict[str, set[type]] = {}

    def types(self, field: str) -> set[type]:
        """Return the types of the values that a field holds."""
        if field not in self._types:
            self._types[field] = {type(self.places[n][0].get(field)) for n in self._first}
        return self._types[field]

    def column(self, part: Any) -> Column:
        """Return what an atom stands for at each place."""
        key = part if isinstance(part, str) else repr(part)
        if key not in self._columns:
            self._columns[key] = self._column(part)
        return self._columns[key]

    def _column(self, part: Any) -> Column:
        if isinstance(part, list) and part[0] in RECKONED:
            return RECKONED[part[0]](*(self.column(side) for side in part[1:]))
        found = self._every(lambda place: _atom(part, place), by_layer=_by_layer(part))
        known = np.array([value is not None for value in found])
        return np.array([value or 0 for value in found], dtype=np.int64), known

    def answer(self, question: Any) -> np.ndarray:
        """Return the answers to a question as small numbers, -1 where it has none."""
        key = repr(question)
        if key not in self._answers:
            codes: dict[Any, int] = {}
            found = self._every(lambda p: _code(question, p, codes), by_layer=_by_layer(question))
            self._answers[key] = np.array(found)
        return self._answers[key]

    def _every(self, ask: Callable[[Place], Any], *, by_layer: bool) -> list[Any]:
        """Ask at every place, once for each config where the layer does not count."""
        if by_layer:
            return [ask(place) for place in self.places]
        once = [ask(self.places[n]) for n in self._first]
        return [once[n] for n in self._config]


def _product(one: Column, other: Column) -> Column:
    return one[0] * other[0], one[1] & other[1]


def _quotient(above: Column, below: Column) -> Column:
    known = above[1] & below[1] & (below[0] != 0)
    return np.floor_divide(above[0], np.where(known, below[0], 1)) * known, known


def _rounded(one: Column, step: Column) -> Column:
    negative, known = _quotient((-one[0], one[1]), step)
    return -negative * step[0], known


def _difference(one: Column, other: Column) -> Column:
    return one[0] - other[0], one[1] & other[1]


RECKONED = {"//": _quotient, "*": _product, "-": _difference, "^": _rounded}


def _by_layer(part: Any) -> bool:
    return isinstance(part, list) and (part[0] in BY_LAYER or any(map(_by_layer, part)))


def _atom(part: Any, place: Place) -> int | None:
    try:
        return atom(part, *place)
    except OpenError:
        return None


def _code(question: Any, place: Place, codes: dict[Any, int]) -> int:
    try:
        found = test(question, *place)
    except (OpenError, TypeError):
        return UNKNOWN
    if isinstance(found, list | dict):
        return UNKNOWN
    return codes.setdefault((type(found), found), len(codes))
