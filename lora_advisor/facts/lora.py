"""Facts of the adapter: its scaling, and whether it is trained at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Lora


def scaling(lora: Lora) -> float:
    """Factor on the adapter's output: alpha/r, or alpha/sqrt(r) with rsLoRA.

    Source: ``peft.tuners.lora.layer.LoraLayer.update_layer``.
    """
    return scaled(lora.lora_alpha, lora.r, rank_stabilised=lora.use_rslora)


def plain_scaling(lora: Lora) -> float:
    """Return alpha/r, what the scaling would be without rsLoRA."""
    return scaled(lora.lora_alpha, lora.r, rank_stabilised=False)


def scaled(alpha: float, rank: int, *, rank_stabilised: bool) -> float:
    """Return a scaling from its parts; unknown for a rank that cannot be."""
    if rank <= 0:
        raise UnknownValueError("the rank is not positive")
    return alpha / (math.sqrt(rank) if rank_stabilised else rank)
