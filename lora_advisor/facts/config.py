"""Facts of the file itself: its format, and its ignore comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.findings import Ignored, Ignores
    from lora_advisor.recipe import Recipe


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
