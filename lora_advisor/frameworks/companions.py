"""Files of one launch: what a DeepSpeed JSON or an accelerate YAML adds to a training config."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from lora_advisor import frameworks
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lora_advisor.recipe import Recipe, Value


def link(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Give each training recipe what its companions among the others say of the launch.

    A DeepSpeed file belongs to the config that names it; an accelerate file to the training
    configs of its own folder, if it is the only one there.
    """
    companions = [recipe for recipe in recipes if _is_companion(recipe)]
    if not companions:
        return list(recipes)
    return [
        recipe if _is_companion(recipe) else _joined(recipe, _belonging(recipe, companions))
        for recipe in recipes
    ]


def named_paths(recipe: Recipe) -> list[str]:
    """Return the companion files a training config names, relative to itself or absolute."""
    value = recipe["run.deepspeed"].value
    return [value] if isinstance(value, str) and value.endswith((".json", ".yaml", ".yml")) else []


def _is_companion(recipe: Recipe) -> bool:
    framework = frameworks.by_name(recipe.framework)
    return framework is not None and framework.companion


def _belonging(recipe: Recipe, companions: Iterable[Recipe]) -> list[Recipe]:
    folder = PurePath(recipe.document.path).parent
    named = [PurePath(path).parts for path in named_paths(recipe)]
    accelerate = [
        other
        for other in companions
        if other.framework == "accelerate" and PurePath(other.document.path).parent == folder
    ]
    deepspeed = [
        other
        for other in companions
        if other.framework == "deepspeed"
        and any(_same_file(PurePath(other.document.path).parts, parts) for parts in named)
    ]
    return deepspeed[:1] + (accelerate if len(accelerate) == 1 else [])


def _same_file(checked: tuple[str, ...], named: tuple[str, ...]) -> bool:
    """Whether the path written in a config can mean a file that was checked."""
    tail = tuple(part for part in named if part not in (".", ".."))
    return bool(tail) and checked[-len(tail) :] == tail


def _joined(recipe: Recipe, companions: Iterable[Recipe]) -> Recipe:
    values = dict(recipe.values)
    for companion in companions:
        for field, value in companion.values.items():
            if _tells(value) and not values[field].written:
                values[field] = value
    return replace(recipe, values=values)


def _tells(value: Value) -> bool:
    return value.written and value.value is not UNKNOWN
