"""Stage D: the gradient noise scale, which says how large a batch still pays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.calibrate.short_runs import short_run

if TYPE_CHECKING:
    from lora_advisor.calibrate.engines import Run
    from lora_advisor.calibrate.setup import Adapter

STEPS: Final = 30
"""Before so many steps the scale is several times too small."""
SAFE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseReading:
    """The noise scale in sequences, and the batch up to which larger is almost free."""

    scale: float
    safe_batch: int


def measure(run: Run, adapter: Adapter, rate: float, *, batch: int, seed: int) -> NoiseReading:
    """Train for a while, then compare gradients; a RefusalError where the signal is drowned."""
    trial = short_run(adapter, rate, batch=batch, seed=seed, steps=STEPS)
    (outcome,) = run([replace(trial, kind="noise")])
    signal, scatter = outcome.extra["signal"], outcome.extra["scatter"]
    if signal <= 0 or scatter <= 0:
        raise RefusalError("flat-curve", "the gradient's mean is lost in its scatter")
    scale = scatter / signal
    return NoiseReading(scale=scale, safe_batch=max(round(scale / SAFE), 1))
