"""Facts of what torchtune's components must be given, and are not.

Source: ``torchtune.models`` of release 0.6.1. A section is handed to the function that it names,
and nothing else is; all forty LoRA builders have one argument without a default.
"""

from __future__ import annotations

from typing import Final

from lora_advisor.facts._written import key_at
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, Recipe

_BUILDER: Final = pattern(r"torchtune\.models\.\w+\.q?lora_\w+")
_MODULES: Final = "model.lora_attn_modules"


def arguments_left_out(recipe: Recipe) -> tuple[Item, ...]:
    """The list of attention modules where a torchtune file leaves it out; the value is the builder.

    A command line only changes some values of a file.
    """
    if recipe.framework != "torchtune" or recipe.document.format == "shell":
        return ()
    named = key_at(recipe, "model._component_")
    builder = getattr(named.node, "text", "") if named is not None else ""
    if named is None or not _BUILDER.fullmatch(builder) or key_at(recipe, _MODULES) is not None:
        return ()
    return (Item(path=_MODULES, at=named.key_at, value=builder),)
