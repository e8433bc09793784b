"""Facts of the base model as it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lora_advisor.recipe import Quant


def quantised(quant: Quant) -> bool:
    """Whether the base is loaded with 4- or 8-bit weights, or by any other quantiser."""
    return quant.load_in_4bit or quant.load_in_8bit or quant.method is not None


def bits(quant: Quant) -> int:
    """Bits of a base weight as bitsandbytes loads it, 16 where it is not quantised."""
    if quant.load_in_4bit:
        return 4
    return 8 if quant.load_in_8bit else 16
