"""Stage C: what more or less rank would win, with the learning rate moved along.

With alpha in proportion to the rank the best rate goes as one over the root of the rank; with
rank-stabilised scaling it hardly moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate.short_runs import STEPS, capped, short_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.calibrate.engines import Run
    from lora_advisor.calibrate.setup import Adapter
    from lora_advisor.calibrate.short_runs import LearningRateReading

FACTOR: Final = 4
ENOUGH: Final = 0.97
"""Share of the largest rank's gain to hold: with what is uncertain, about 5 % is lost at worst."""
UNCERTAIN: Final = 0.05
"""By how much a share after 20 steps may differ from that after the whole training."""
PRICE: Final = 22
"""Steps that one run costs at most, its scoring included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankReading:
    """For each rank its rate and its share of the largest rank's gain; and the rank to take."""

    learning_rates: dict[int, float]
    shares: dict[int, float]
    recommended: int


def at_rank(adapter: Adapter, r: int) -> Adapter:
    """Return the adapter at another rank, alpha moved as its convention says."""
    alpha = adapter.alpha if adapter.constant_scaling else adapter.alpha * r / adapter.r
    return replace(adapter, r=r, alpha=alpha)


def moved(adapter: Adapter, rate: float, r: int) -> float:
    """Return the learning rate for another rank."""
    return rate if adapter.constant_scaling else rate * float((adapter.r / r) ** 0.5)


def compare(  # noqa: PLR0913 - what a run is made of
    run: Run,
    adapter: Adapter,
    found: LearningRateReading,
    *,
    batch: int,
    seed: int,
    room: float = 4 * PRICE,
) -> RankReading:
    """Train at four times the rank, then at a quarter of it, or further up while that wins.

    The rank itself is run once more at its fitted rate, so that all ranks are seen at rates of one
    law. ``room`` is the steps left for all this; two runs are always made.
    """
    less, more = max(adapter.r // FACTOR, 1), adapter.r * FACTOR
    gains = {adapter.r: found.gain}

    def measure(ranks: list[int]) -> None:
        rate = found.best.learning_rate
        trials = [
            short_run(
                at_rank(adapter, r), moved(adapter, rate, r), batch=batch, seed=seed, steps=STEPS
            )
            for r in ranks
        ]
        gains.update({o.trial.r: max((o.start or 0.0) - capped(o), 0.0) for o in run(trials)})

    first = [adapter.r, more] if room >= (1 + 2) * PRICE else [more]
    measure(first)
    next_ones = [more * FACTOR, less] if _needed(gains) == more else [less]
    runs = max(int(room // PRICE) - len(first), 1)
    measure([r for r in next_ones if r not in gains][:runs])
    most = max(gains.values())
    return RankReading(
        learning_rates={r: moved(adapter, found.advised, r) for r in sorted(gains)},
        shares={r: gains[r] / most for r in sorted(gains)},
        recommended=_needed(gains),
    )


def _needed(gains: Mapping[int, float]) -> int:
    """Return the smallest rank that wins nearly as much as the best one."""
    return min(r for r, gain in gains.items() if gain >= ENOUGH * max(gains.values()))
