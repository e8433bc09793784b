"""Finds the formula behind observed values: of a size, or of which of several cases holds."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any

import numpy as np

from lora_advisor.models.formula import OpenError, atom, test

PRIME = 2_147_483_647
ROWS = 10
FACTORS = (1, 2, 3, 4)


class UnexplainedError(Exception):
    """No small formula gives the observed values."""


class Places:
    """Where values were observed: the fields of each probe and the indices of the layer."""

    def __init__(
        self,
        places: list[tuple[dict[str, Any], tuple[int, ...]]],
        relevant: set[str],
        origins: dict[int, tuple[int, set[str]]] | None = None,
        depth: int | None = None,
    ) -> None:
        self.places = places
        self.relevant = sorted(relevant)
        self.depth = len(places[0][1]) if depth is None else depth
        self.origins = origins or {}
        self._narrow: dict[Any, Places] = {}
        self.family: set[str] = set()
        self._pairs: list[tuple[int, int, set[str]]] | None = None
        self._answers: list[tuple[Any, np.ndarray]] | None = None
        self._columns: dict[bytes, Any] = {}

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
            self._narrow[key] = Places(self.places, seen, None, self.depth if inside else 0)
        return self._narrow[key]

    def widened(self, values: np.ndarray) -> list[Places]:
        """Return the narrowed places, those with the module's other fields or one more, all."""
        narrow = self.narrowed(values)
        self.family |= set(narrow.relevant)
        if self.family - set(narrow.relevant):
            kin = Places(self.places, self.family, None, narrow.depth)
            return [narrow, kin, *self._wider(narrow), self]
        return [narrow, *self._wider(narrow), self]

    def _wider(self, narrow: Places) -> list[Places]:
        more = [f for f in self.relevant if f not in narrow.relevant]
        return [Places(self.places, {*narrow.relevant, f}, None, narrow.depth) for f in more]

    def _types(self, field: str) -> set[type]:
        return {type(fields.get(field)) for fields, _ in self.places}

    @cached_property
    def _kinds(self) -> dict[str, set[type]]:
        return {f: self._types(f) for f in self.relevant}

    def ints(self) -> list[str]:
        """Return the fields that hold whole numbers somewhere."""
        return [f for f, types in self._kinds.items() if int in types]

    def lists(self) -> list[str]:
        """Return the fields that hold lists somewhere."""
        return [f for f, types in self._kinds.items() if list in types]

    def questions(self) -> list[Any]:
        """Return the tests that may tell cases apart, the plainest first."""
        asked: list[Any] = []
        kinds = {field: self._types(field) for field in self.relevant}
        for field, types in kinds.items():
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
                codes: dict[Any, int] = {}
                row = np.array([self._code(question, place, codes) for place in self.places])
                key = row.tobytes()
                if len(codes) > 1 and key not in seen:
                    seen.add(key)
                    self._answers.append((question, row))
        return self._answers

    @staticmethod
    def _code(question: Any, place: Any, codes: dict[Any, int]) -> int:
        try:
            found = test(question, *place)
        except (OpenError, TypeError):
            return -1
        if isinstance(found, list | dict):
            return -1
        return codes.setdefault((type(found), found), len(codes))


def _split(
    places: Places, question: Any, rows: np.ndarray, subset: np.ndarray
) -> list[tuple[Any, np.ndarray]]:
    parts = []
    for code in np.unique(rows[subset]):
        part = subset[rows[subset] == code]
        parts.append((test(question, *places.places[part[0]]), part))
    return parts


def _usable(places: Places, subset: np.ndarray) -> list[tuple[Any, np.ndarray]]:
    found = []
    for question, rows in places.answers():
        here = rows[subset]
        if here.min() >= 0 and here.min() != here.max():
            if question[0] == "num" and np.bincount(here).min() < 8:
                continue
            found.append((question, rows))
    return found


def learn_case(places: Places, labels: list[Any], depth: int = 3) -> Any:
    """Return a formula whose value at each place is its label."""
    codes: dict[str, int] = {}
    row = np.array([codes.setdefault(repr(label), len(codes)) for label in labels])
    by_code = {codes[repr(label)]: label for label in labels}
    if len(codes) == 1:
        return labels[0]
    every = np.arange(len(labels))
    return _first(_case, places, row, (by_code, every, depth))


def _first(learn: Any, places: Places, row: np.ndarray, rest: tuple[Any, ...]) -> Any:
    """Try the likeliest fields first."""
    wider = places.widened(row)
    for n, tried in enumerate(wider):
        depth = rest[-1] if n <= 1 else 1 if n < len(wider) - 1 else 2
        try:
            return learn(tried, row, *rest[:-1], depth)
        except UnexplainedError:
            if n == len(wider) - 1:
                raise
    raise UnexplainedError


def _case(
    places: Places, row: np.ndarray, labels: dict[int, Any], subset: np.ndarray, depth: int
) -> Any:
    values = row[subset]
    if values.min() == values.max():
        return labels[int(values[0])]
    if depth == 0:
        raise UnexplainedError(f"cases {[labels[int(v)] for v in np.unique(values)]}"[:200])
    usable = _usable(places, subset)
    ranked = []
    for order, (question, rows) in enumerate(usable):
        parts = _split(places, question, rows, subset)
        mixed = sum(len(p) for _, p in parts if row[p].min() != row[p].max())
        ranked.append((mixed, order, question, parts))
    ranked.sort(key=lambda item: item[:2])
    plain = [item for item in ranked[12:] if item[2][0] in ("none", "is")]
    for mixed, _, question, parts in ranked[:1] if depth == 1 else [*ranked[:12], *plain]:
        if depth == 1 and mixed:
            break
        try:
            return [
                "?",
                question,
                [[v, _case(places, row, labels, p, depth - 1)] for v, p in parts],
            ]
        except UnexplainedError:
            continue
    raise UnexplainedError(f"cases {[labels[int(v)] for v in np.unique(values)]}"[:200])


def learn_size(places: Places, values: list[int], depth: int = 4) -> Any:
    """Return a formula whose value at each place is the observed number."""
    row = np.array(values, dtype=np.int64)
    if row.min() == row.max():
        return int(row[0])
    every = np.arange(len(values))
    return _first(_size, places, row, (every, depth))


def _size(places: Places, values: np.ndarray, subset: np.ndarray, depth: int) -> Any:
    found = _sum(places, values, subset, deep=False)
    if found is None and depth:
        found = _split_size(places, values, subset, depth)
    if found is None:
        found = _sum(places, values, subset, deep=True)
    if found is None:
        raise UnexplainedError(f"sizes {values[subset][:6].tolist()} by {places.relevant}")
    return found


def _split_size(places: Places, values: np.ndarray, subset: np.ndarray, depth: int) -> Any:
    ranked = []
    for order, (question, rows) in enumerate(_usable(places, subset)):
        if question[0] in ("same", "<") and isinstance(question[1], str):
            continue  # two numbers that happen to be equal, or in order, explain nothing
        parts = _split(places, question, rows, subset)
        if min(len(p) for _, p in parts) < 4 or len(parts) > 6:
            continue
        fits = [_sum(places, values, p, deep=False, few=6) for _, p in parts]
        left = sum(len(p) for (_, p), fit in zip(parts, fits, strict=True) if fit is None)
        if not left:
            return ["?", question, [[v, fit] for (v, _), fit in zip(parts, fits, strict=True)]]
        ranked.append((left, order, question, parts, fits))
    ranked.sort(key=lambda item: item[:2])
    for _, _, question, parts, fits in ranked[:5] if depth > 1 else ():
        try:
            return [
                "?",
                question,
                [
                    [v, fit if fit is not None else _size(places, values, p, depth - 1)]
                    for (v, p), fit in zip(parts, fits, strict=True)
                ],
            ]
        except UnexplainedError:
            continue
    return None


class _Columns:
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


WEIGHTS = np.array([pow(48_271, n + 1, PRIME) for n in range(ROWS)], dtype=np.int64)


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


def _columns(places: Places, subset: np.ndarray) -> _Columns:
    key = subset.tobytes()
    if key not in places._columns:  # noqa: SLF001
        places._columns[key] = _Columns(places, subset)  # noqa: SLF001
    return places._columns[key]  # noqa: SLF001


def _sum(
    places: Places, values: np.ndarray, subset: np.ndarray, *, deep: bool, few: int = 1
) -> Any:
    full = values[subset]
    if full.min() == full.max():
        return int(full[0]) if len(subset) >= few else None
    if len(subset) < 4:
        return None
    columns = _columns(places, subset)
    rows = full[columns.rows] % PRIME
    one = columns.multiple(int(keys_of(rows[None])[0]), full)
    if one is not None:
        return ["+", one]
    return _two(columns, full, rows, [], range(len(columns.parts))) or (
        _three(columns, full, rows) if deep else None
    )


def _two(
    columns: _Columns, full: np.ndarray, rows: np.ndarray, before: list[Any], chosen: Any
) -> Any:
    for factor in (*FACTORS, -1, -2, 6, 8, 16):
        rest = (rows[None] - factor * columns.table) % PRIME
        keys = keys_of(rest)
        at = np.searchsorted(columns.sorted, keys).clip(0, len(columns.sorted) - 1)
        for n in np.flatnonzero((columns.sorted[at] == keys) & (keys >= 0)):
            column = columns.column(int(n))
            if column is None or n not in chosen:
                continue
            other = columns.multiple(int(keys[n]), full - factor * column)
            if other is not None:
                return ["+", *before, [factor, *columns.parts[n]], other]
    return None


def _three(columns: _Columns, full: np.ndarray, rows: np.ndarray) -> Any:
    if columns.plain > 150:
        return None
    for n in range(columns.plain):
        column = columns.column(n)
        if column is None:
            continue
        for factor in (1, 2):
            rest_rows = (rows - factor * columns.table[n]) % PRIME
            found = _two(
                columns,
                full - factor * column,
                rest_rows,
                [[factor, *columns.parts[n]]],
                range(columns.plain),
            )
            if found is not None:
                return found
    return None
