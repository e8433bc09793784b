"""Facts of what bitsandbytes packs of the base model, and what it leaves as it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lora_advisor.facts._base import DIMENSIONS, table_of
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets


def unpacked_experts_percent(recipe: Recipe, modules: Lookup, targets: Targets) -> int:
    """Percent of the base model's parameters that are fused experts, which are never packed.

    Source: ``replace_with_bnb_linear`` (transformers/integrations/bitsandbytes.py) turns linear
    layers into packed ones; transformers 5 holds experts as parameters of three dimensions.
    """
    table = table_of(recipe, modules, targets)
    if not table.sized:
        raise UnknownValueError("the model's sizes are not known")
    if not targets.surely_hold({"transformers": ">=5"}):
        raise UnknownValueError("the release of transformers in use is not told")
    fused = sum(
        math.prod(shape)
        for module in table.modules
        for _, shape in module.parameters
        if len(shape) == DIMENSIONS
    )
    return round(100 * fused / table.parameter_count)
