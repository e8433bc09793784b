"""Stage B: short trainings around the range test's rate, each with its own warm-up and decay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate.parabola import vertex
from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.calibrate.trials import Trial

if TYPE_CHECKING:
    from lora_advisor.calibrate.engines import Run
    from lora_advisor.calibrate.parabola import Vertex
    from lora_advisor.calibrate.setup import Adapter
    from lora_advisor.calibrate.trials import Outcome

STEPS: Final = 20
"""Shorter runs choose too high a rate."""
HORIZON: Final = 1.25
"""Twenty steps prefer a higher rate than a whole training does: 1.2 to 1.9 times on a tiny base."""
FACTOR: Final = 2.0
EXTENSIONS: Final = 2
CAPPED: Final = 1.0
"""A run that ends so many nats above its start counts as that bad: parabolas need finite points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateReading:
    """The rate, the points behind it, and how far to trust it (high, medium, low)."""

    best: Vertex
    points: dict[float, float]
    start: float
    confidence: str

    @property
    def advised(self) -> float:
        """The rate for a whole training: below the short runs' best by :data:`HORIZON`."""
        return self.best.learning_rate / HORIZON

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between which rates little is lost, None where the points are no bowl.

        A run that lost half the gain beside the best one stands on a cliff, which a parabola
        cannot follow.
        """
        if self.best.low is None or self.best.high is None:
            return None
        if max(self._neighbours()) > self.start - self.gain / 2:
            return None
        return self.best.low / HORIZON, self.best.high / HORIZON

    @property
    def gain(self) -> float:
        """Nats that the best short run won over the untrained adapter, as measured."""
        return self.start - min(self.points.values())

    @property
    def edge(self) -> str:
        """Which end of the rates tried was best: lowest, highest, or empty for one between."""
        rates = sorted(self.points)
        return {0: "lowest", len(rates) - 1: "highest"}.get(self._place(rates), "")

    def _place(self, rates: list[float]) -> int:
        return rates.index(min(rates, key=self.points.__getitem__))

    def _neighbours(self) -> list[float]:
        """Return the losses on both sides of the best run's."""
        rates = sorted(self.points)
        place = self._place(rates)
        return [self.points[rate] for rate in rates[max(place - 1, 0) : place + 2]]


def short_run(adapter: Adapter, rate: float, *, batch: int, seed: int, steps: int) -> Trial:
    """Return a short training of an adapter."""
    return Trial(
        kind="train",
        learning_rate=rate,
        r=adapter.r,
        alpha=adapter.alpha,
        steps=steps,
        batch=batch,
        seed=seed,
    )


def around(  # noqa: PLR0913 - what a run is made of
    run: Run, adapter: Adapter, centre: float, *, batch: int, seed: int, steps: int = STEPS
) -> LearningRateReading:
    """Try half, once and twice the centre, go on where the best is at an end, fit a parabola.

    Raises:
        RefusalError: At no rate is the held-out loss lower than before.
    """
    points: dict[float, float] = {}
    start = math.nan
    rates = [centre / FACTOR, centre, centre * FACTOR]
    extended = 0
    while rates:
        outcomes = run(
            [short_run(adapter, rate, batch=batch, seed=seed, steps=steps) for rate in rates]
        )
        for outcome in outcomes:
            start = outcome.start if outcome.start is not None else math.nan
            points[outcome.trial.learning_rate] = capped(outcome)
        rates = _further(points) if extended < EXTENSIONS else []
        extended += bool(rates)
    best = vertex(points, start)
    if not best.loss < start:
        detail = f"after {steps} steps the held-out loss is {best.loss:.3f}, before {start:.3f}"
        raise RefusalError("flat-curve", detail)
    confidence = ("high" if extended == 0 else "medium") if best.fitted else "low"
    return LearningRateReading(best=best, points=points, start=start, confidence=confidence)


def capped(outcome: Outcome) -> float:
    """Return a run's score, a diverged one's as a large but finite loss."""
    start = outcome.start or 0.0
    score = outcome.score if outcome.score is not None else math.inf
    return min(score, start + CAPPED)


def _further(points: dict[float, float]) -> list[float]:
    rates = sorted(points)
    best = min(rates, key=points.__getitem__)
    if best == rates[0]:
        return [best / FACTOR]
    return [best * FACTOR] if best == rates[-1] else []
