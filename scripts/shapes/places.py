"""The fields and layers at which values were observed, and the questions that tell them apart."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shapes.columns import Columns
from shapes.fields import LAYERS
from shapes.seen import Seen

if TYPE_CHECKING:
    import numpy as np


class Places:
    """Where values were observed: the fields of each probe and the indices of the layer."""

    def __init__(
        self,
        places: list[tuple[dict[str, Any], tuple[int, ...]]],
        relevant: set[str],
        origins: dict[int, tuple[int, set[str]]] | None = None,
        depth: int | None = None,
        seen: Seen | None = None,
    ) -> None:
        self.places = places
        self.seen = seen or Seen(places)
        self.relevant = sorted(relevant)
        self.depth = len(places[0][1]) if depth is None else depth
        self.origins = origins or {}
        self._narrow: dict[Any, Places] = {}
        self.family: set[str] = set()
        self._pairs: list[tuple[int, int, set[str]]] | None = None
        self._answers: list[tuple[Any, np.ndarray]] | None = None
        self._columns: dict[bytes, Columns] = {}

    def pairs(self) -> list[tuple[int, int, set[str]]]:
        """Return places that differ in one field (and what hangs on it), with its name."""
        if self._pairs is None:
            rows = {(id(fields), at): n for n, (fields, at) in enumerate(self.places)}
            self._pairs = []
            for n, (fields, at) in enumerate(self.places):
                origin = self.origins.get(id(fields))
                other = rows.get((origin[0], at)) if origin else None
                if origin and other is not None:
                    self._pairs.append((n, other, origin[1]))
        return self._pairs

    def narrowed(self, values: np.ndarray) -> Places:
        """Return the same places with only the fields that were seen to change the values."""
        seen = set().union(
            *(names for a, b, names in self.pairs() if values[a] != values[b]), set()
        )
        firsts: dict[int, int] = {}
        inside = any(
            values[firsts.setdefault(id(f), n)] != values[n] for n, (f, _) in enumerate(self.places)
        )
        key = (frozenset(seen), inside)
        if key not in self._narrow:
            self._narrow[key] = self._with(seen, self.depth if inside else 0)
        return self._narrow[key]

    def widened(self, values: np.ndarray) -> list[Places]:
        """Return the narrowed places, those with the module's other fields or one more, all."""
        narrow = self.narrowed(values)
        self.family |= set(narrow.relevant)
        if self.family - set(narrow.relevant):
            kin = self._with(self.family, narrow.depth)
            return [narrow, kin, *self._wider(narrow), self]
        return [narrow, *self._wider(narrow), self]

    def _wider(self, narrow: Places) -> list[Places]:
        more = [f for f in self.relevant if f not in narrow.relevant]
        return [self._with({*narrow.relevant, f}, narrow.depth) for f in more]

    def only(self, kept: list[int]) -> Places:
        """Return some of the places."""
        return Places([self.places[n] for n in kept], {*self.relevant}, self.origins, self.depth)

    def _with(self, relevant: set[str], depth: int) -> Places:
        """Return the same places with other fields."""
        return Places(self.places, relevant, None, depth, self.seen)

    @cached_property
    def _kinds(self) -> dict[str, set[type]]:
        return {f: self.seen.types(f) for f in self.relevant}

    def ints(self) -> list[str]:
        """Return the fields that hold whole numbers somewhere."""
        return [f for f, types in self._kinds.items() if int in types]

    def lists(self) -> list[str]:
        """Return the fields that hold lists somewhere."""
        return [f for f, types in self._kinds.items() if list in types]

    def questions(self) -> list[Any]:
        """Return the tests that may tell cases apart, the plainest first."""
        asked: list[Any] = []
        for field, types in self._kinds.items():
            if types <= {bool, str, type(None)}:
                asked.append(["is", field])
            if type(None) in types and len(types) > 1:
                asked.append(["none", field])
            if int in types or list in types or float in types:
                asked.append(["truth", field])
        numbers, lists = self.ints(), self.lists()
        for d in range(self.depth):
            i = ["@", d]
            for field in lists:
                asked += [["at", field, d], ["in", field, d]]
            asked += [["<", i, f] for f in numbers]
            asked += [["%", i, f, c] for f in numbers for c in (0, 1)]
            asked += [["<", i, n] for n in (1, 2, 3)]
            counts = [f for f in numbers if LAYERS.search(f)]
            asked += [["<", i, ["-", a, b]] for a in counts for b in (*numbers, 1) if a != b]
            deep = max(at[d] for _, at in self.places)  # a period that was not seen twice is none
            asked += [["%", i, n, c] for n in (2, 3, 4, 5, 6, 8) if 2 * n <= deep for c in range(n)]
            asked.append(["num", i])
        asked += [["same", a, b] for a, b in itertools.combinations(numbers, 2)]
        asked += [["<", a, b] for a, b in itertools.permutations(numbers, 2)]
        asked += [["<", a, n] for a in numbers for n in (2, 3)]
        return asked

    def answers(self) -> list[tuple[Any, np.ndarray]]:
        """Return each test with its answers as small numbers; -1 where it has none."""
        if self._answers is None:
            self._answers = []
            seen: set[bytes] = set()
            for question in self.questions():
                row = self.seen.answer(question)
                key = row.tobytes()
                if row.max() > 0 and key not in seen:
                    seen.add(key)
                    self._answers.append((question, row))
        return self._answers

    def columns(self, subset: np.ndarray) -> Columns:
        """Return the products of fields on the places of a subset, made once."""
        key = subset.tobytes()
        if key not in self._columns:
            self._columns[key] = Columns(self, subset)
        return self._columns[key]
