"""Stage C: what more or less rank would win, with the learning rate moved along.

With alpha in proportion to the rank the best rate goes as one over the root of the rank; with
rank-stabilised scaling it hardly moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate.short_runs import STEPS, capped, short_run

if TYPE_CHECKING:
    from lora_advisor.calibrate.engines import Run
    from lora_advisor.calibrate.setup import Adapter
    from lora_advisor.calibrate.short_runs import LearningRateReading

FACTOR: Final = 4
ENOUGH: Final = 0.95
UNCERTAIN: Final = 0.07
"""By how much a share after 20 steps may differ from that after the whole training."""


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


def compare(
    run: Run, adapter: Adapter, found: LearningRateReading, *, batch: int, seed: int
) -> RankReading:
    """Train at a quarter of the rank and at four times it; the rank itself is known already."""
    rate = found.best.learning_rate
    others = sorted({max(adapter.r // FACTOR, 1), adapter.r * FACTOR} - {adapter.r})
    trials = [
        short_run(at_rank(adapter, r), moved(adapter, rate, r), batch=batch, seed=seed, steps=STEPS)
        for r in others
    ]
    gains = {adapter.r: found.gain}
    gains |= {o.trial.r: max((o.start or 0.0) - capped(o), 0.0) for o in run(trials)}
    largest = max(gains.values())
    shares = {r: gains[r] / largest for r in sorted(gains)}
    return RankReading(
        learning_rates={r: moved(adapter, found.advised, r) for r in shares},
        shares=shares,
        recommended=min(r for r, share in shares.items() if share >= ENOUGH),
    )
