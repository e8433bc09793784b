"""What a trial is, and what comes back of it: plain data, the same on every engine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

FORWARD: Final = 1 / 3
"""Cost of a pass without gradients, in optimizer steps on the same sequences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One training: a pure function of these numbers and the setup.

    ``kind``: ``range`` raises the learning rate from ``learning_rate`` to ``highest`` over the
    steps; ``train`` runs the config's own schedule and scores held-out rows; ``noise`` does the
    same, then measures the scatter of gradients. ``batch`` is the sequences of a step.
    """

    kind: str
    learning_rate: float
    r: int
    alpha: float
    steps: int
    batch: int
    seed: int
    highest: float = 1.0

    @property
    def key(self) -> str:
        """A name for the journal: equal trials have equal keys."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a trial measured; losses in nats.

    ``losses``: for ``range`` each step's loss less that of the untrained adapter on the same
    batch; otherwise the training loss. ``start`` and ``score`` are held-out losses before and
    after. ``cost`` is in optimizer steps of the trial's batch: a pass without gradients counts a
    third, that for ``start``, made once a rank, nothing. ``seconds`` is CPU time. ``extra`` holds
    what a kind measures besides.
    """

    trial: Trial
    learning_rates: tuple[float, ...]
    losses: tuple[float, ...]
    base_losses: tuple[float, ...] = ()
    start: float | None = None
    score: float | None = None
    cost: float
    seconds: float = 0.0
    gradient: float = 0.0
    extra: dict[str, float]

    def same_numbers(self, other: Outcome) -> bool:
        """Whether two outcomes agree in everything but the time they took."""
        return {**asdict(self), "seconds": 0} == {**asdict(other), "seconds": 0}


def outcome_from(data: dict[str, Any]) -> Outcome:
    """Read an outcome back from the table that ``dataclasses.asdict`` made of it."""
    values = {**data, "trial": Trial(**data["trial"])}
    for name in ("learning_rates", "losses", "base_losses"):
        values[name] = tuple(values[name])
    return Outcome(**values)
