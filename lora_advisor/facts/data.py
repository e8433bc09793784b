"""Facts of the data: how rows are packed, and with what they may be kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lora_advisor.recipe import Data, Model, Recipe
    from lora_advisor.targets import Targets


def packs_across(recipe: Recipe) -> bool:
    """Whether LLaMA-Factory packs rows so that they see each other: ``packing`` alone."""
    packing = recipe["data.packing"]
    return packing.value is True and packing.key == "packing" and packing.written


def packs_neatly(recipe: Recipe) -> bool:
    """Whether LLaMA-Factory's ``neat_packing`` is on."""
    packing = recipe["data.packing"]
    return packing.value is True and packing.key == "neat_packing"


def flattens(recipe: Recipe) -> bool:
    """Whether axolotl's ``batch_flattening`` is on."""
    flat = recipe["data.padding_free"]
    return flat.value is True and flat.key == "batch_flattening"


def ignores_row_limits(model: Model, recipe: Recipe) -> bool:
    """Whether attention cannot be told where a row ends, in transformers before 4.53.

    Source: ``transformers.modeling_flash_attention_utils``; TRL's own warning names the same ones.
    The Unsloth of that time puts an attention of its own in their place.
    """
    if recipe.framework == "unsloth" and not recipe["model.attn_implementation"].written:
        return True
    attention = model.attn_implementation
    return attention is None or not attention.startswith(("flash", "kernels-community/"))


def packs_whole_rows(recipe: Recipe, data: Data, targets: Targets) -> bool:
    """Whether examples stand in a row without padding, told apart by their positions alone.

    The default strategy of TRL does so from 0.19 on. Source: ``trl.SFTTrainer.__init__``.
    """
    if data.padding_free:
        return True
    if recipe["data.packing_strategy"].written:
        return data.packing and data.packing_strategy in ("bfd", "ffd")
    return data.packing and targets.surely_hold({"trl": ">=0.19,<1.0"})


def needs_flash_attention(targets: Targets) -> bool:
    """Whether the releases in use keep packed rows apart with FlashAttention only.

    A TRL before 0.20 whose transformers nobody states says so itself.
    """
    if "transformers" in targets.known:
        return targets.may_hold({"transformers": "<4.53"})
    return targets.surely_hold({"trl": "<0.20"})


def strategies_are_renamed(targets: Targets) -> bool:
    """Whether the TRL in use is known to have today's names of packing strategies."""
    return targets.surely_hold({"trl": ">=1.0"})
