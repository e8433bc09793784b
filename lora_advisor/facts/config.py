"""Facts of the file itself: its format, and its ignore comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.findings import Ignored, Ignores
    from lora_advisor.recipe import Lora, Recipe, Train


def framework(recipe: Recipe) -> str:
    """Name of the config's format (``axolotl``)."""
    return recipe.framework


def unused_ignores(ignores: Ignores | None) -> tuple[Ignored, ...]:
    """Ignore comments that silence nothing; known only when the findings are."""
    if ignores is None:
        raise UnknownValueError
    return ignores.unused


def unknown_ignores(ignores: Ignores | None) -> tuple[Ignored, ...]:
    """Ignore comments that name no rule."""
    if ignores is None:
        raise UnknownValueError
    return ignores.unknown


def dead_adapter_key(recipe: Recipe, lora: Lora, train: Train) -> str:
    """Name the first key that shapes an adapter in a training that makes none; empty if none does.

    Null and zero shape nothing.
    """
    if lora.enabled or not train.enabled:
        return ""
    shaping = ("lora.r", "lora.lora_alpha", "lora.target_modules", "lora.lora_dropout")
    written = [recipe[field] for field in shaping if recipe[field].written]
    return next((value.key for value in written if value.value), "")
