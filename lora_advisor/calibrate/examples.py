"""Tokenised examples, the order in which trials see them, and their padding."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

IGNORED: Final = -100
"""The label of a token that the loss leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row: token ids, and the label of each (:data:`IGNORED` where masked)."""

    tokens: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def targets(self) -> int:
        """How many tokens are predicted: the first one has nothing before it."""
        return sum(label != IGNORED for label in self.labels[1:])


def batches(examples: Sequence[Example], size: int, seed: int) -> Iterator[list[Example]]:
    """Yield batches without end: every example once in a mixed order, then mixed anew."""
    mixer = random.Random(seed)  # noqa: S311 - an order, no secret
    waiting: list[Example] = []
    while True:
        while len(waiting) < size:
            fresh = list(examples)
            mixer.shuffle(fresh)
            waiting += fresh
        yield waiting[:size]
        waiting = waiting[size:]


def chunks(rows: Sequence[Example], size: int) -> Iterator[Sequence[Example]]:
    """Cut a batch into the pieces that pass the model together."""
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def padded(rows: Sequence[Example], pad: int) -> dict[str, list[list[int]]]:
    """Pad rows on the right to the longest of them, as the model's arguments."""
    width = max(len(row.tokens) for row in rows)
    return {
        "input_ids": [_filled(row.tokens, width, pad) for row in rows],
        "attention_mask": [_filled((1,) * len(row.tokens), width, 0) for row in rows],
        "labels": [_filled(row.labels, width, IGNORED) for row in rows],
    }


def packed(examples: Sequence[Example], length: int) -> list[Example]:
    """Join examples and cut them into rows of one length; the rest is left out."""
    tokens = [token for example in examples for token in example.tokens]
    labels = [label for example in examples for label in example.labels]
    return [
        Example(tokens=tuple(tokens[i : i + length]), labels=tuple(labels[i : i + length]))
        for i in range(0, len(tokens) - length + 1, length)
    ]


def _filled(values: Sequence[int], width: int, filler: int) -> list[int]:
    return [*values, *[filler] * (width - len(values))]
