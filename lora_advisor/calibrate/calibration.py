"""The stages of a calibration in order, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate import noise, ranks
from lora_advisor.calibrate.range_test import range_trial, read_range
from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.calibrate.short_runs import around

if TYPE_CHECKING:
    from lora_advisor.calibrate.engines import Run
    from lora_advisor.calibrate.noise import NoiseReading
    from lora_advisor.calibrate.range_test import RangeReading
    from lora_advisor.calibrate.ranks import RankReading
    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.calibrate.short_runs import LearningRateReading
    from lora_advisor.calibrate.trials import Outcome

LEAST: Final = 16
"""Training rows below which nothing is measured."""
SMALLEST_RANGE: Final = 8
"""Sequences of a step in the range test, at least: fewer are too noisy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to measure beside the learning rate, and the steps it may take."""

    rank: bool = False
    batch: bool = False
    budget: float = 250
    seed: int = 0
    range_batch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was measured; ``steps`` counts optimizer steps at the trials' batch."""

    range: RangeReading
    learning_rate: LearningRateReading
    rank: RankReading | None = None
    batch: NoiseReading | None = None
    left_out: tuple[str, ...] = ()
    steps: float
    seconds: float
    outcomes: tuple[Outcome, ...]


@dataclass(slots=True)
class Spent:
    """What a calibration has cost so far, in steps of ``batch`` sequences."""

    batch: int = 8
    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome once."""
        if all(outcome.trial.key != other.trial.key for other in self.outcomes):
            self.outcomes.append(outcome)

    @property
    def steps(self) -> float:
        """Return the optimizer steps of all trials."""
        return sum(done.cost * done.trial.batch / self.batch for done in self.outcomes)

    @property
    def seconds(self) -> float:
        """Return the CPU seconds of all trials."""
        return sum(outcome.seconds for outcome in self.outcomes)


def calibrate(setup: Setup, wanted: Wanted, run: Run, spent: Spent) -> Calibration:
    """Measure the learning rate, then rank and batch where wanted and paid for.

    ``run`` carries trials out and tells ``spent`` of them (see :func:`journal.runner`).

    Raises:
        RefusalError: The data are too few, or the trials give no number.
    """
    if len(setup.train) < LEAST:
        detail = f"{len(setup.train)} rows to train on, at least {LEAST} are needed"
        raise RefusalError("too-little-data", detail)
    batch = setup.training.batch
    size = wanted.range_batch or max(batch, SMALLEST_RANGE)
    (swept,) = run([range_trial(setup.adapter, batch=size, seed=wanted.seed)])
    reading = read_range(swept)
    found = around(run, setup.adapter, reading.centre, batch=batch, seed=wanted.seed)
    left_out: list[str] = []
    rank = _rank(setup, wanted, run, spent, found, left_out)
    scale = _batch(setup, wanted, run, spent, found, left_out)
    return Calibration(
        range=reading,
        learning_rate=found,
        rank=rank,
        batch=scale,
        left_out=tuple(left_out),
        steps=spent.steps,
        seconds=spent.seconds,
        outcomes=tuple(spent.outcomes),
    )


def _rank(  # noqa: PLR0913, PLR0917 - the state of the run
    setup: Setup,
    wanted: Wanted,
    run: Run,
    spent: Spent,
    found: LearningRateReading,
    left_out: list[str],
) -> RankReading | None:
    if not wanted.rank or not _paid("rank", 2 * ranks.PRICE, wanted, spent, left_out):
        return None
    return ranks.compare(
        run,
        setup.adapter,
        found,
        batch=setup.training.batch,
        seed=wanted.seed,
        room=wanted.budget - spent.steps,
    )


def _batch(  # noqa: PLR0913, PLR0917 - the state of the run
    setup: Setup,
    wanted: Wanted,
    run: Run,
    spent: Spent,
    found: LearningRateReading,
    left_out: list[str],
) -> NoiseReading | None:
    if not wanted.batch or not _paid("batch", 36, wanted, spent, left_out):
        return None
    rate = found.best.learning_rate
    try:
        return noise.measure(run, setup.adapter, rate, batch=setup.training.batch, seed=wanted.seed)
    except RefusalError as error:
        left_out.append(f"batch: {error.detail}")
        return None


def _paid(what: str, price: int, wanted: Wanted, spent: Spent, left_out: list[str]) -> bool:
    """Say whether the budget still covers a stage; note it where it does not."""
    if spent.steps + price <= wanted.budget:
        return True
    left_out.append(
        f"{what}: about {price} more steps after {spent.steps:.0f} exceed the "
        f"budget of {wanted.budget:.0f}"
    )
    return False
