"""Facts of quantising on loading as LitGPT and ms-swift are told it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.facts._written import item_at, key_at, value_at
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe, Run


def mixed_in_litgpt(recipe: Recipe) -> bool:
    """Whether LitGPT is to quantise and to compute in mixed precision, which excludes it."""
    precision = value_at(recipe, "precision")
    return bool(value_at(recipe, "quantize")) and "mixed" in str(precision)


def on_several_devices_in_litgpt(recipe: Recipe, run: Run) -> bool:
    """Whether LitGPT is to quantise for training on more than one device."""
    return bool(value_at(recipe, "quantize")) and run.num_processes * run.num_machines > 1


def other_optimizer_in_litgpt(recipe: Recipe) -> tuple[Item, ...]:
    """An optimizer that LitGPT refuses over quantised weights (``instantiate_bnb_optimizer``)."""
    written = key_at(recipe, "optimizer")
    sections = written is not None and isinstance(written.node, Mapping)
    path = "optimizer.class_path" if sections else "optimizer"
    name = value_at(recipe, path)
    if not str(value_at(recipe, "quantize")).startswith("bnb.") or not isinstance(name, str):
        return ()
    found = item_at(recipe, path, name)
    return (found,) if found is not None and "AdamW" not in name else ()


def method_without_bits(recipe: Recipe) -> bool:
    """Whether ms-swift has a ``quant_method`` and is not told how many bits."""
    method = value_at(recipe, "quant_method")
    return method not in (None, "fp8") and value_at(recipe, "quant_bits") is None


def bits_without_method(recipe: Recipe) -> bool:
    """Whether ms-swift is told how many bits and no ``quant_method`` to have them by."""
    return bool(value_at(recipe, "quant_bits")) and value_at(recipe, "quant_method") is None
