"""Memory for what several facts of one recipe are made of."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.recipe import Recipe

T = TypeVar("T")


def of_last_recipe(function: Callable[[Recipe], T]) -> Callable[[Recipe], T]:
    """Keep a function's answer until it is asked of another recipe."""
    last: list[tuple[Recipe, T]] = []

    @wraps(function)
    def remembered(recipe: Recipe) -> T:
        if not last or last[0][0] is not recipe:
            last[:] = [(recipe, function(recipe))]
        return last[0][1]

    return remembered
