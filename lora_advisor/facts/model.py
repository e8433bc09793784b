"""Facts of the base model as it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lora_advisor.recipe import Quant, Recipe


def quantised(quant: Quant, recipe: Recipe) -> bool:
    """Whether the base is loaded with 4- or 8-bit weights, or by any other quantiser.

    Under axolotl the method decides: 4 bits beside ``adapter: lora`` load 16.
    """
    if recipe.framework == "axolotl":
        return quant.method is not None
    return quant.load_in_4bit or quant.load_in_8bit or quant.method is not None


def bits(quant: Quant, recipe: Recipe) -> int:
    """Bits of a base weight as bitsandbytes loads it, 16 where it is not quantised."""
    if not quantised(quant, recipe):
        return 16
    if quant.load_in_4bit:
        return 4
    return 8 if quant.load_in_8bit else 16
