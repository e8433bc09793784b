"""Facts of recomputing activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

_NAMES = ("gradient_checkpointing", "activation_checkpointing")


def checkpointing_contradicts(recipe: Recipe) -> bool:
    """Whether the old and the new name of the switch are written with different values."""
    found = {
        key.path: getattr(key.node, "text", "").lower() for key in recipe.keys if key.path in _NAMES
    }
    return {*found.values()} == {"true", "false"}
