"""Stage A: read the paired learning-rate range test.

Each step's loss is compared with that of the untrained adapter on the same batch, which takes out
what differs between batches; without that, small batches hide the curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.calibrate.trials import Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.calibrate.setup import Adapter
    from lora_advisor.calibrate.trials import Outcome

STEPS: Final = 60
LOWEST: Final = 1e-5
HIGHEST: Final = 1.0
SMOOTHING: Final = 0.8
"""Much more and the mean lags behind the first rise: on a text far from the base's own the loss
settles after it far below its start, and the mean goes on falling to the end of the range."""
DIVISOR: Final = 2.0
"""The rate of the lowest loss overshoots the best one of a short run about twofold: 1.4 to 3.7
times in 20 cases of three tiny models and seven texts."""
EDGE: Final = 3
WINDOW: Final = 10
GIVEN_BACK: Final = 0.5
"""Share of the gain by which the curve has to rise again for its minimum to be passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeReading:
    """The smoothed curve (nats below the untrained adapter) and the rate to try around."""

    learning_rates: tuple[float, ...]
    smoothed: tuple[float, ...]
    lowest_at: float
    centre: float
    gain: float
    noise: float


def range_trial(adapter: Adapter, *, batch: int, seed: int) -> Trial:
    """Return the trial that raises the learning rate over five decades."""
    return Trial(
        kind="range",
        learning_rate=LOWEST,
        highest=HIGHEST,
        r=adapter.r,
        alpha=adapter.alpha,
        steps=STEPS,
        batch=batch,
        seed=seed,
    )


def read_range(outcome: Outcome) -> RangeReading:
    """Find the rate to try around; a RefusalError where the curve has no usable minimum."""
    _refuse_broken(outcome)
    losses = [value if math.isfinite(value) else math.inf for value in outcome.losses]
    curve = smooth([value for value in losses if value < math.inf])
    best = min(range(len(curve)), key=curve.__getitem__)
    noise = _noise(_around(losses, best))
    gain = -curve[best]
    if gain <= max(3 * noise, 1e-4):
        detail = f"it falls by {gain:.4f} nats at most, with a scatter of {noise:.4f}"
        raise RefusalError("flat-curve", detail)
    rates = outcome.learning_rates
    if best < EDGE or (best >= len(curve) - EDGE and len(curve) == outcome.trial.steps):
        detail = f"the loss is lowest at {rates[best]:.1e}, tested were {LOWEST:g} to {HIGHEST:g}"
        raise RefusalError("edge-of-range", detail)
    return RangeReading(
        learning_rates=rates[: len(curve)],
        smoothed=tuple(curve),
        lowest_at=rates[best],
        centre=rates[best] / DIVISOR,
        gain=gain,
        noise=noise,
    )


def passed(losses: Sequence[float]) -> bool:
    """Whether the curve has risen from a minimum, both by more than it scatters."""
    curve = smooth(losses)
    best = min(range(len(curve)), key=curve.__getitem__)
    gain, back = -curve[best], curve[-1] - curve[best]
    scatter = 3 * _noise(_around(losses, best))
    return best >= WINDOW and gain > scatter and back > max(GIVEN_BACK * gain, scatter)


def smooth(values: Sequence[float]) -> list[float]:
    """Average exponentially, corrected for the start."""
    smoothed: list[float] = []
    mean = 0.0
    for step, value in enumerate(values, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        smoothed.append(mean / (1 - SMOOTHING**step))
    return smoothed


def _refuse_broken(outcome: Outcome) -> None:
    if not math.isfinite(outcome.base_losses[0]):
        raise RefusalError("not-a-number", "the base model's own loss is not finite")
    if len(outcome.losses) <= EDGE and not math.isfinite(outcome.losses[-1]):
        detail = f"after {len(outcome.losses)} steps at {outcome.learning_rates[-1]:.1e}"
        raise RefusalError("not-a-number", detail)
    if outcome.gradient == 0:
        detail = "every gradient is zero: nothing the adapter sits on reaches the loss"
        raise RefusalError("frozen-adapter", detail)


def _around(losses: Sequence[float], best: int) -> Sequence[float]:
    """Return the losses up to the lowest point, or the first ones: a few tell no scatter."""
    return losses[max(0, best - WINDOW) : max(best, WINDOW) + 1]


def _noise(values: Sequence[float]) -> float:
    """Scatter of the smoothed curve, from the differences of neighbouring steps."""
    steps = [b - a for a, b in pairwise(values)]
    if not steps:
        return 0.0
    centre = sum(steps) / len(steps)
    single = math.sqrt(sum((step - centre) ** 2 for step in steps) / len(steps) / 2)
    return single * math.sqrt((1 - SMOOTHING) / (1 + SMOOTHING))
