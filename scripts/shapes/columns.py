"""Products of fields at several places, found by the numbers they give up to a factor."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from lora_advisor.models.formula import OpenError, atom

if TYPE_CHECKING:
    from shapes.places import Places

PRIME = 2_147_483_647
ROWS = 10
WEIGHTS = np.array([pow(48_271, n + 1, PRIME) for n in range(ROWS)], dtype=np.int64)


class Columns:
    """Products of fields on a set of places, findable by their values up to a factor."""

    def __init__(self, places: Places, subset: np.ndarray) -> None:
        self.places = [places.places[i] for i in subset]
        rows = np.unique(np.linspace(0, len(subset) - 1, min(ROWS, len(subset))).astype(int))
        self.rows = rows
        plain = self._known(self._fields(places), [places.places[i] for i in subset[rows]])
        shared = self._known(self._quotients(), [places.places[i] for i in subset[rows]])
        self.parts: list[list[Any]] = [[], *([a] for a, _ in plain)]
        columns = [np.ones((1, len(rows)), dtype=np.int64), *(c[None] for _, c in plain)]
        self._products(plain, plain, columns, same=True)
        self.plain = len(self.parts)
        self.parts += [[a] for a, _ in shared]
        columns += [c[None] for _, c in shared]
        self._products(shared, plain, columns, same=False)
        for part, column in shared:
            self.parts.append([part, part])
            columns.append((column * column)[None])
        if len(plain) <= 14:
            for (a, x), (b, y), (c, z) in itertools.combinations_with_replacement(plain, 3):
                self.parts.append([a, b, c])
                columns.append((x * y % PRIME * z)[None])
        self.table = np.concatenate(columns) % PRIME
        self.keys = keys_of(self.table)
        self.order = np.argsort(self.keys, kind="stable")
        self.sorted = self.keys[self.order]

    def _products(self, ones: Any, others: Any, columns: list[np.ndarray], *, same: bool) -> None:
        for n, (a, x) in enumerate(ones):
            for b, y in others[n:] if same else others:
                self.parts.append([a, b])
                columns.append((x * y)[None])

    def _fields(self, places: Places) -> list[Any]:
        self.names = [
            f for f in places.ints() if all(type(p[0].get(f)) is int for p in self.places)
        ]
        items: list[Any] = list(self.names)
        items += [[k, d] for d in range(places.depth) for k in ("@", "**")]
        for name in places.lists():
            items += [["#", name], *(["[]", name, [d]] for d in range(places.depth))]
            items += [["[]", name, n] for n in range(4)]
        return items

    def _quotients(self) -> list[Any]:
        pairs = [
            ["//", a, b]
            for a, b in itertools.permutations(self.names, 2)
            if a.rpartition(".")[0] == b.rpartition(".")[0]
        ]
        return pairs + [["//", a, n] for a in self.names for n in (2, 4, 8, 16)]

    @staticmethod
    def _known(parts: list[Any], places: Any) -> list[tuple[Any, np.ndarray]]:
        found = []
        seen: set[bytes] = set()
        for part in parts:
            try:
                column = np.array([atom(part, *place) for place in places], dtype=np.int64)
            except OpenError:
                continue
            if column.tobytes() not in seen and column.any():
                seen.add(column.tobytes())
                found.append((part, column))
        return found

    def column(self, n: int) -> np.ndarray | None:
        """Return a product at every place."""
        out = []
        try:
            for place in self.places:
                value = 1
                for part in self.parts[n]:
                    value *= atom(part, *place)
                out.append(value)
        except OpenError:
            return None
        return np.array(out, dtype=object)

    def multiple(self, key: int, full: np.ndarray) -> list[Any] | None:
        """Return ``[factor, atom, …]`` that equals the values, None if nothing does."""
        at = int(np.searchsorted(self.sorted, key))
        while at < len(self.sorted) and self.sorted[at] == key:
            column = self.column(int(self.order[at]))
            if column is not None and column[0] and full[0] % column[0] == 0:
                factor = int(full[0] // column[0])
                if (column * factor == full).all():
                    return [factor, *self.parts[int(self.order[at])]]
            at += 1
        return None


def keys_of(table: np.ndarray) -> np.ndarray:
    """Return a number for each row that is the same for its multiples; -1 for a row from 0."""
    lead = table[:, 0]
    inverse, power, exponent = np.ones_like(lead), lead.copy(), PRIME - 2
    while exponent:
        if exponent & 1:
            inverse = inverse * power % PRIME
        power = power * power % PRIME
        exponent >>= 1
    ratios = table * inverse[:, None] % PRIME
    keys = (ratios * WEIGHTS[: table.shape[1]] % PRIME).sum(axis=1)
    return np.where(lead == 0, -1, keys)
