"""Facts of the base model as it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts.model_modules import checkpoint_quantiser
from lora_advisor.models.stored import named_format
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Model, Quant, Recipe

_FEW_BITS: Final = frozenset(
    {"aqlm", "awq", "bitsandbytes", "bnb-4bit", "bnb-8bit", "eetq", "gptq", "hqq"}
)
"""Formats of stored weights that stay as they are when a base is loaded for training."""
_WIDTHS: Final = {"": 16, "awq": 4, "bnb-4bit": 4, "bnb-8bit": 8}
"""Bits of a weight in formats that have one width, 16 where nothing is quantised."""


def is_t5_small(recipe: Recipe) -> bool:
    """Whether the base is the smallest T5, by its name; its activations stay small."""
    return str(recipe["model.name_or_path"].value) in ("t5-small", "google-t5/t5-small")


def quantised(quant: Quant, model: Model, recipe: Recipe, modules: Lookup) -> bool:
    """Whether the base's weights are quantised, as they are loaded or as they are stored."""
    return _by_loading(quant, recipe) or stored_quantiser(quant, model, recipe, modules) != ""


def stored_quantiser(quant: Quant, model: Model, recipe: Recipe, modules: Lookup) -> str:
    """Return the format the base's weights stay quantised in, empty where none is known of.

    Its name tells (``bnb-4bit``), or its ``config.json`` where one is at hand. unsloth takes the
    16-bit twin of such a checkpoint where 4 bits are switched off.
    """
    if recipe.framework == "unsloth" and not quant.load_in_4bit:
        return ""
    if isinstance(recipe["model.name_or_path"].value, str):
        named = named_format(model.name_or_path)
        if named in _FEW_BITS:
            return named
    try:
        method = checkpoint_quantiser(recipe, modules)
    except UnknownValueError:
        return ""
    return method if method in _FEW_BITS else ""


def _stored_bits(quantiser: str) -> int:
    if quantiser not in _WIDTHS:
        raise UnknownValueError(f"how many bits the base's {quantiser} weights have is not known")
    return _WIDTHS[quantiser]


def _by_loading(quant: Quant, recipe: Recipe) -> bool:
    """Whether the base is loaded with 4- or 8-bit weights, or by any other quantiser.

    Under axolotl the method decides: 4 bits beside ``adapter: lora`` load 16.
    """
    if recipe.framework == "axolotl":
        return quant.method is not None
    if recipe.document.format == "shell" and recipe["quant.load_in_8bit"].value is True:
        return True  # whatever the script makes of 4 bits
    return quant.load_in_4bit or quant.load_in_8bit or quant.method is not None


def bits(quant: Quant, model: Model, recipe: Recipe, modules: Lookup) -> int:
    """Bits of a base weight as it is loaded or stored, 16 where it is not quantised."""
    if not _by_loading(quant, recipe):
        return _stored_bits(stored_quantiser(quant, model, recipe, modules))
    if quant.load_in_4bit:
        return 4
    return 8 if quant.load_in_8bit else 16
