"""How much GPU memory a training step takes: the parts that advice chooses between.

Figures: bitsandbytes' NF4 with double quantisation takes 4.127 bits a weight; PEFT keeps the
adapter in float32, with its gradient and AdamW's two states 16 bytes a parameter; a layer without
recomputation keeps 57.6 bytes, with it 2 bytes, for each token and unit of width (counted on
Llama-3.1-8B's shape with all linear layers adapted); logits peak at three float32 copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.laws import law
from lora_advisor.record import record

if TYPE_CHECKING:
    from lora_advisor.recommend.base import Base

ADAPTER: Final = 16
KEPT: Final = 57.6
RECOMPUTED: Final = 2.0
LOGITS: Final = 12
OVERHEAD: Final = 1.0 * 2**30
"""The CUDA context and what libraries set aside."""
SPARE: Final = 1.1
_ROWS: Final = {"dpo": 2, "orpo": 2, "simpo": 2, "ipo": 2, "cpo": 2, "kto": 2, "reward": 2}
"""Sequences of an example: preference losses see a chosen and a rejected one."""
_WITHOUT_LOGITS: Final = ("reward", "classification")


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
    """Return the bytes a device needs, None where the model's sizes are not known."""
    if None in (base.parameters, base.linear, base.hidden, base.layers, base.vocabulary):
        return None
    parts = weights(base, four_bit=load.four_bit) + _adapter(base, load) + _step(base, load)
    return SPARE * parts + OVERHEAD


def weights(base: Base, *, four_bit: bool) -> float:
    """Return the bytes of the frozen base."""
    figures = law("training.quantisation").figures
    total, packed = base.parameters or 0.0, base.linear or 0.0
    if not four_bit:
        return float(total * figures["bytes_16"])
    return float(packed * figures["bytes_nf4"] + (total - packed) * figures["bytes_16"])


def _adapter(base: Base, load: Load) -> float:
    return float(ADAPTER * load.rank * (base.per_rank or 0))


def _step(base: Base, load: Load) -> float:
    """Return the bytes of activations and logits."""
    tokens = load.batch * load.length * _ROWS.get(load.method, 1)
    width, layers = tokens * (base.hidden or 0), base.layers or 0
    kept = width * (RECOMPUTED * layers + KEPT if load.checkpointing else KEPT * layers)
    logits = 0 if load.method in _WITHOUT_LOGITS else LOGITS * (base.vocabulary or 0) * tokens
    return kept + logits
