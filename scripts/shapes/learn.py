"""Finds the formula behind observed values: of a size, or of which of several cases holds."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from lora_advisor.models.formula import test
from shapes.columns import PRIME, keys_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes.columns import Columns
    from shapes.places import Places

    Where = tuple[Places, list[Any], Callable[[Places, list[Any], float], Any]]

FACTORS = (1, 2, 3, 4)
PATIENCE, LESS_PATIENCE = 4.0, 1.0
"""CPU seconds that a formula is looked for, and where only one of many answers is tried."""
BREADTH = {1: 1, 2: 12, 3: 8, 4: 6}
"""How many questions are followed where so many more may be asked."""


class UnexplainedError(Exception):
    """No small formula gives the observed values; ``where`` they were, and what was tried."""

    def __init__(self, told: str = "", where: Where | None = None) -> None:
        super().__init__(told)
        self.where = where

    def under(self, path: str) -> UnexplainedError:
        """Return the same for a part of a model."""
        return UnexplainedError(f"{path}: {self}", self.where)


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


def learn_case(places: Places, labels: list[Any], patience: float = PATIENCE) -> Any:
    """Return a formula whose value at each place is its label."""
    places.seen.until = process_time() + patience
    codes: dict[str, int] = {}
    row = np.array([codes.setdefault(repr(label), len(codes)) for label in labels])
    by_code = {codes[repr(label)]: label for label in labels}
    if len(codes) == 1:
        return labels[0]
    every = np.arange(len(labels))
    try:
        return _first(_case, places, row, (by_code, every, 4))
    except UnexplainedError as error:
        raise UnexplainedError(str(error), (places, labels, learn_case)) from None


def same(places: Places, labels: list[Any], patience: float = 0) -> Any:
    """Return what is the same at every place."""
    del patience
    if any(label != labels[0] for label in labels):
        raise UnexplainedError("it varies", (places, labels, same))
    return labels[0]


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
    if depth == 0 or process_time() > places.seen.until:
        raise UnexplainedError(f"cases {[labels[int(v)] for v in np.unique(values)]}"[:200])
    usable = _usable(places, subset)
    ranked = []
    for order, (question, rows) in enumerate(usable):
        parts = _split(places, question, rows, subset)
        mixed = sum(len(p) for _, p in parts if row[p].min() != row[p].max())
        ranked.append((mixed, order, question, parts))
    ranked.sort(key=lambda item: item[:2])
    breadth = BREADTH[depth]
    plain = [item for item in ranked[breadth:] if item[2][0] in ("none", "is") and depth > 1]
    for mixed, _, question, parts in [*ranked[:breadth], *plain]:
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


def learn_size(places: Places, values: list[int], patience: float = PATIENCE) -> Any:
    """Return a formula whose value at each place is the observed number."""
    places.seen.until = process_time() + patience
    row = np.array(values, dtype=np.int64)
    if row.min() == row.max():
        return int(row[0])
    every = np.arange(len(values))
    try:
        return _first(_size, places, row, (every, 4))
    except UnexplainedError as error:
        raise UnexplainedError(str(error), (places, values, learn_size)) from None


def _size(places: Places, values: np.ndarray, subset: np.ndarray, depth: int) -> Any:
    patient = process_time() < places.seen.until
    found = _sum(places, values, subset, deep=False) if patient else None
    if found is None and depth and patient:
        found = _split_size(places, values, subset, depth)
    if found is None and process_time() < places.seen.until:
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
        if process_time() > places.seen.until:
            return None
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


def _sum(
    places: Places, values: np.ndarray, subset: np.ndarray, *, deep: bool, few: int = 1
) -> Any:
    full = values[subset]
    if full.min() == full.max():
        return int(full[0]) if len(subset) >= few else None
    if len(subset) < 4:
        return None
    columns = places.columns(subset)
    rows = full[columns.rows] % PRIME
    one = columns.multiple(int(keys_of(rows[None])[0]), full)
    if one is not None:
        return ["+", one]
    return _two(columns, full, rows, [], range(len(columns))) or (
        _three(columns, full, rows) if deep else None
    )


def _two(
    columns: Columns, full: np.ndarray, rows: np.ndarray, before: list[Any], chosen: Any
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
                return ["+", *before, [factor, *columns.part(int(n))], other]
    return None


def _three(columns: Columns, full: np.ndarray, rows: np.ndarray) -> Any:
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
                [[factor, *columns.part(int(n))]],
                range(columns.plain),
            )
            if found is not None:
                return found
    return None
