"""Facts of quantising on loading as LitGPT and ms-swift are told it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.facts._written import value_at

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, Run


def mixed_in_litgpt(recipe: Recipe) -> bool:
    """Whether LitGPT is to quantise and to compute in mixed precision, which excludes it."""
    precision = value_at(recipe, "precision")
    return bool(value_at(recipe, "quantize")) and "mixed" in str(precision)


def on_several_devices_in_litgpt(recipe: Recipe, run: Run) -> bool:
    """Whether LitGPT is to quantise for training on more than one device."""
    return bool(value_at(recipe, "quantize")) and run.num_processes * run.num_machines > 1


def method_without_bits(recipe: Recipe) -> bool:
    """Whether ms-swift has a ``quant_method`` and is not told how many bits."""
    method = value_at(recipe, "quant_method")
    return method not in (None, "fp8") and value_at(recipe, "quant_bits") is None
