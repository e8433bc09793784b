"""How much GPU memory a training step takes, as :mod:`lora_advisor.models.memory` estimates it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from lora_advisor.models.adapter import AdapterConfig, InjectionError, UnresolvedError
from lora_advisor.models.memory import Estimate, estimate
from lora_advisor.models.memory_setup import Setup
from lora_advisor.models.resolve import Resolution, resolve
from lora_advisor.record import record

if TYPE_CHECKING:
    from lora_advisor.recommend.base import Base

ADAPTER: Final = 16
"""Bytes of a trainable parameter: float32 with its gradient and AdamW's two states."""
_PAIRS: Final = ("dpo", "orpo", "simpo", "ipo", "cpo", "kto", "reward")
"""Methods that see two sequences for each example."""


@record
class Load:
    """What a step holds; ``batch`` counts examples of one device, ``length`` their tokens."""

    method: str
    rank: int
    four_bit: bool
    checkpointing: bool
    batch: int
    length: int


def needed(base: Base, load: Load) -> float | None:
    """Return the most bytes a device may need, None where the model's sizes are not known."""
    sequences = load.batch * (2 if load.method in _PAIRS else 1)
    found = _estimated(base, (load.rank, load.four_bit, load.checkpointing, sequences, load.length))
    return float(found.high) if found is not None else None


@lru_cache(maxsize=256)
def _estimated(base: Base, step: tuple[int, bool, bool, int, int]) -> Estimate | None:
    """Estimate a step: rank, four bits or not, recomputing or not, sequences, their length."""
    rank, four_bit, checkpointing, sequences, length = step
    resolution = _resolution(base, rank)
    if base.table is None or resolution is None or not base.table.complete:
        return None
    setup = Setup(
        table=base.table,
        config=base.config,
        resolution=resolution,
        bits=4 if four_bit else 16,
        batch=sequences,
        length=length,
        checkpointing=checkpointing,
        attention="sdpa",
    )
    return estimate(setup)


@lru_cache(maxsize=8)
def _resolution(base: Base, rank: int) -> Resolution | None:
    if base.table is None:
        return None
    targets = tuple(base.targets) if isinstance(base.targets, list) else base.targets
    try:
        return resolve(AdapterConfig(r=rank, target_modules=targets), base.table)
    except (InjectionError, UnresolvedError):
        return None
