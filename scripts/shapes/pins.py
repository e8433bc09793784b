"""What to keep as the base has it, where a formula over a field's other values is not found."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shapes.fields import LAYERS
from shapes.learn import LESS_PATIENCE, UnexplainedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from shapes.learn import Where

Values = dict[str, Any]
NEEDED = ("hidden_size", "vocab_size", "intermediate_size", "num_attention_heads", "d_model")
"""Sizes that every model of a type sets as it likes."""
LIKELY = (float, str, type(None), bool, int)
"""Types of fields, those first whose models hardly ever differ in them."""
FEWEST, PAIRED = 16, 8


@dataclass(frozen=True, slots=True)
class Pin:
    """A field that keeps its value, or that only is not null (``written``)."""

    path: str
    written: bool

    def holds(self, values: Values, base: Mapping[str, Any]) -> bool:
        """Whether a config has the field so."""
        item, plain = values[self.path], base[self.path]
        return type(item) is type(plain) and (self.written or item == plain)


def pinnable(
    base: Mapping[str, Any], relevant: Iterable[str], pools: Mapping[str, list[Any]]
) -> list[Pin]:
    """Return what a template may hold on to, the likeliest first."""
    names = sorted(relevant)
    found = [Pin(n, True) for n in names if base[n] is not None and None in pools[n]]
    whole = [n for n in names if type(base[n]) in LIKELY and not _needed(n, base[n])]
    return found + [Pin(n, False) for n in sorted(whole, key=lambda n: LIKELY.index(type(base[n])))]


def _needed(path: str, value: Any) -> bool:
    name = path.rpartition(".")[2]
    return name in NEEDED or (LAYERS.search(path) is not None and type(value) is int)


def culprits(
    where: Where, pins: list[Pin], holds: Callable[[Values, Pin], bool]
) -> tuple[Pin, ...]:
    """Return the fewest pins that leave something to explain, or else nothing; or no pins."""
    places, values, learn = where
    gone: list[tuple[Pin, ...]] = []
    codes: dict[str, int] = {}
    row = np.array([codes.setdefault(repr(value), len(codes)) for value in values])
    seen = set(places.narrowed(row).relevant)
    first, rest = ([pin for pin in pins if (pin.path in seen) is here] for here in (True, False))
    for tried in _sets(first, rest):
        at = enumerate(places.places)
        kept = [n for n, (fields, _) in at if all(holds(fields, pin) for pin in tried)]
        if not kept:
            gone.append(tried)
        if not FEWEST <= len(kept) < len(values):
            continue
        try:
            learn(places.only(kept), [values[n] for n in kept], LESS_PATIENCE)
        except UnexplainedError:
            continue
        return tried
    return gone[0] if gone else ()


def _sets(seen: list[Pin], others: list[Pin]) -> Iterator[tuple[Pin, ...]]:
    """Yield fields that were seen to change what is asked, all others, and pairs of the first."""
    yield from ((pin,) for pin in [*seen, *others])
    pairs = itertools.combinations([*seen, *others][:PAIRED], 2)
    yield from (pair for pair in pairs if pair[0].path != pair[1].path)


def suspects(
    wrong: list[Values], right: list[Values], pins: list[Pin], holds: Callable[[Values, Pin], bool]
) -> tuple[Pin, ...]:
    """Return the pin that no wrong config keeps to and few others do not."""

    def share(pin: Pin, configs: list[Values]) -> float:
        return sum(not holds(v, pin) for v in configs) / max(1, len(configs))

    everywhere = [pin for pin in pins if share(pin, wrong) == 1]
    return (min(everywhere, key=lambda pin: share(pin, right)),) if everywhere else ()
