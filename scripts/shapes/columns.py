"""Products of fields at several places, found by the numbers they give up to a factor."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapes.places import Places

PRIME = 2_147_483_647
ROWS = 10
WEIGHTS = np.array([pow(48_271, n + 1, PRIME) for n in range(ROWS)], dtype=np.int64)
EXACT = 2**62
CEILINGS = (8, 16)
FEW = 14
"""Of how many atoms products of three are worth looking at."""


class Columns:
    """Products of fields on a set of places, findable by their values up to a factor.

    A product is three numbers of atoms; atom 0 is one.
    """

    def __init__(self, places: Places, subset: np.ndarray) -> None:
        self._seen, self._subset = places.seen, subset
        rows = np.unique(np.linspace(0, len(subset) - 1, min(ROWS, len(subset))).astype(int))
        self.rows = rows
        at = subset[rows]
        plain = self._known(self._fields(places), at)
        shared = self._known(self._quotients(), at)
        self.atoms: list[Any] = [1, *(part for part, _ in plain), *(part for part, _ in shared)]
        columns = [np.ones(len(rows), dtype=np.int64), *(c for _, c in (*plain, *shared))]
        self.plain, self._products = products(len(plain), len(shared))
        numbers = np.array(columns) % PRIME
        one, two, three = (numbers[self._products[:, n]] for n in range(3))
        self.table = one * two % PRIME * three % PRIME
        self.keys = keys_of(self.table)
        self.order = np.argsort(self.keys, kind="stable")
        self.sorted = self.keys[self.order]

    def __len__(self) -> int:
        return len(self._products)

    def part(self, n: int) -> list[Any]:
        """Return the atoms of a product."""
        return [self.atoms[i] for i in self._products[n] if i]

    def _fields(self, places: Places) -> list[Any]:
        self.names = [f for f in places.ints() if self._seen.column(f)[1][self._subset].all()]
        items: list[Any] = list(self.names)
        items += [[k, d] for d in range(places.depth) for k in ("@", "**")]
        for name in places.lists():
            items += [["#", name], *(["[]", name, [d]] for d in range(places.depth))]
            items += [["[]", name, n] for n in range(4)]
        return items

    def _quotients(self) -> list[Any]:
        pairs: list[Any] = [
            ["//", a, b]
            for a, b in itertools.permutations(self.names, 2)
            if a.rpartition(".")[0] == b.rpartition(".")[0]
        ]
        pairs += [["//", a, n] for a in self.names for n in (2, 4, 8, 16)]
        pairs += [["//", ["^", a, n], n] for a in self.names for n in CEILINGS]
        return pairs + list(self._multiples())

    def _multiples(self) -> Iterator[Any]:
        """Yield sizes, and two thirds of them, rounded up to what a field calls a multiple."""
        for step in (f for f in self.names if "multiple" in f):
            for a in self.names:
                if a != step and a.rpartition(".")[0] == step.rpartition(".")[0]:
                    yield ["^", a, step]
                    yield ["^", ["//", ["*", 2, a], 3], step]

    def _known(self, parts: list[Any], at: np.ndarray) -> list[tuple[Any, np.ndarray]]:
        found = []
        seen: set[bytes] = set()
        for part in parts:
            column, known = self._seen.column(part)
            here = column[at]
            if known[at].all() and here.any() and here.tobytes() not in seen:
                seen.add(here.tobytes())
                found.append((part, here))
        return found

    def column(self, n: int) -> np.ndarray | None:
        """Return a product at every place."""
        found = [self._seen.column(part) for part in self.part(n)]
        if not all(known[self._subset].all() for _, known in found):
            return None
        columns = [column[self._subset] for column, _ in found]
        largest = np.prod([float(np.abs(column).max()) for column in columns])
        out: np.ndarray = np.ones(len(self._subset), dtype=np.int64 if largest < EXACT else object)
        for column in columns:
            out = out * column
        return out

    def multiple(self, key: int, full: np.ndarray) -> list[Any] | None:
        """Return ``[factor, atom, …]`` that equals the values, None if nothing does."""
        at = int(np.searchsorted(self.sorted, key))
        while at < len(self.sorted) and self.sorted[at] == key:
            n = int(self.order[at])
            column = self.column(n)
            if column is not None and column[0] and full[0] % column[0] == 0:
                factor = int(full[0] // column[0])
                if (column * factor == full).all():
                    return [factor, *self.part(n)]
            at += 1
        return None


def products(plain: int, shared: int) -> tuple[int, np.ndarray]:
    """Return how many products are of plain atoms, and all products, the plainest first.

    Plain atoms, pairs of them, further atoms, their products with plain ones, their squares, and
    products of three plain ones where these are few.
    """
    zero: np.ndarray = np.zeros(1, dtype=np.int64)
    ones = np.arange(1, plain + 1)
    others = np.arange(plain + 1, plain + shared + 1)
    first, second = np.triu_indices(plain)
    single = np.concatenate([zero, ones])
    blocks = [
        (single, np.zeros_like(single)),
        (ones[first], ones[second]) if plain else (zero[:0], zero[:0]),
        (others, np.zeros_like(others)),
        (np.repeat(others, plain), np.tile(ones, shared)),
        (others, others),
    ]
    pairs = np.concatenate([np.stack(block, axis=1) for block in blocks])
    threes = list(itertools.combinations_with_replacement(ones, 3)) if plain <= FEW else []
    padded = np.concatenate([pairs, np.zeros((len(pairs), 1), dtype=np.int64)], axis=1)
    every = np.concatenate([padded, np.array(threes, dtype=np.int64).reshape(-1, 3)])
    return len(single) + len(first), every


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
