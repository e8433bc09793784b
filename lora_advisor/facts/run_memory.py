"""Facts of the memory that the training needs on a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lora_advisor.facts._estimate import estimate_of
from lora_advisor.facts._sizing import (
    known_value,
    launch_is_known,
    resolution_of,
    setup_of,
)
from lora_advisor.models.memory import estimate
from lora_advisor.models.memory_setup import GIB
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets


def memory_low(recipe: Recipe, modules: Lookup, targets: Targets) -> float:
    """GiB of GPU memory the training needs at least, with batches at full length."""
    return round(estimate_of(recipe, modules, targets).low / GIB, 1)


def memory_high(recipe: Recipe, modules: Lookup, targets: Targets) -> float:
    """GiB of GPU memory the training needs at most, with batches at full length."""
    return round(estimate_of(recipe, modules, targets).high / GIB, 1)


def memory_sure(recipe: Recipe, modules: Lookup, targets: Targets) -> float:
    """GiB of GPU memory the training needs at least, however short its examples are.

    Packed rows are always of full length. Unknown where the launch may still shard the model.
    """
    if not launch_is_known(recipe):
        raise UnknownValueError("whether the launch shards the model is not known")
    setup = setup_of(recipe, modules, targets, resolution_of(recipe, modules, targets))
    if known_value(recipe, "data.packing") is not True:
        setup = replace(setup, length=1)
    return round(estimate(setup).low / GIB, 1)


def logits_gib(recipe: Recipe, modules: Lookup, targets: Targets) -> float:
    """GiB of GPU memory that logits and loss take at the peak, at least."""
    return round(estimate_of(recipe, modules, targets).part("logits").low / GIB, 1)


def logits_share(recipe: Recipe, modules: Lookup, targets: Targets) -> float:
    """Share of the least memory that logits and loss take."""
    found = estimate_of(recipe, modules, targets)
    return round(found.part("logits").low / found.low, 2)
