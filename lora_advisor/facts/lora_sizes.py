"""Facts of the adapter's size on the base model, as PEFT counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import table_of
from lora_advisor.facts._sizing import known_value, resolution_of
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets

_MEGABYTE: Final = 10**6
_SINGLE: Final = 4


def adapted_modules(recipe: Recipe, modules: Lookup, targets: Targets) -> int:
    """Layers and parameters of the base model that get an adapter."""
    found = resolution_of(recipe, modules, targets)
    return len(found.modules) + len(found.parameters)


def trainable_parameters(recipe: Recipe, modules: Lookup, targets: Targets) -> int:
    """Trainable parameters in all, with modules trained in full and biases."""
    _sized(recipe, modules, targets)
    return resolution_of(recipe, modules, targets).trainable


def trainable_percent(recipe: Recipe, modules: Lookup, targets: Targets) -> float:
    """Trainable parameters in percent of the base model's."""
    count = trainable_parameters(recipe, modules, targets)
    base = table_of(recipe, modules, targets).parameter_count
    return round(100 * count / base, 3) if base else 0.0


def adapter_megabytes(recipe: Recipe, modules: Lookup, targets: Targets) -> float:
    """Size of the adapter's file in MB, in float32 as PEFT trains it."""
    return round(trainable_parameters(recipe, modules, targets) * _SINGLE / _MEGABYTE, 1)


def _sized(recipe: Recipe, modules: Lookup, targets: Targets) -> None:
    if not table_of(recipe, modules, targets).sized:
        raise UnknownValueError("the model's sizes are not known")
    if known_value(recipe, "lora.layer_replication"):
        raise UnknownValueError("layers are replicated")
