"""The memory of a recipe's training, for facts and for what shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.facts._sizing import resolution_of, setup_of
from lora_advisor.models.memory import Estimate, estimate
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets


def estimate_of(recipe: Recipe, modules: Lookup, targets: Targets) -> Estimate:
    """Return the memory of the training, part by part; UnknownValueError without its batch."""
    resolution = resolution_of(recipe, modules, targets)
    found = estimate(setup_of(recipe, modules, targets, resolution))
    if not found.complete:
        raise UnknownValueError("the batch on a GPU is not known")
    return found
