"""Facts of the adapter: its scaling, and whether it is trained at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lora_advisor.laws import law
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Lora, Recipe
    from lora_advisor.targets import Targets


def scaling(lora: Lora, recipe: Recipe, targets: Targets) -> float:
    """Factor on the adapter's output: alpha/r, or alpha/sqrt(r) with rsLoRA.

    Source: ``peft.tuners.lora.layer.LoraLayer.update_layer``. MLX VLM took alpha itself before 0.5.
    """
    if recipe.framework == "mlx-vlm" and targets.surely_hold({"mlx-vlm": "<0.5"}):
        return lora.lora_alpha
    return scaled(lora.lora_alpha, lora.r, rank_stabilised=lora.use_rslora)


def plain_scaling(lora: Lora) -> float:
    """Return alpha/r, what the scaling would be without rsLoRA."""
    return scaled(lora.lora_alpha, lora.r, rank_stabilised=False)


def bearable_scaling() -> float:
    """Return the scaling above which ``recommend`` chooses alpha anew."""
    return float(law("capacity.alpha").figures["most_scaling"])


def scaled(alpha: float, rank: int, *, rank_stabilised: bool) -> float:
    """Return a scaling from its parts; unknown for a rank that cannot be."""
    if rank <= 0:
        raise UnknownValueError("the rank is not positive")
    return alpha / (math.sqrt(rank) if rank_stabilised else rank)
