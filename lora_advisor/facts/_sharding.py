"""Whether DeepSpeed shards the parameters of a training: help for facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

SHARDS_PARAMETERS: Final = 3
_STAGE_3: Final = pattern(r"(.*/)?(ds_z3_\w*|(deepspeed_)?zero3\w*)\.json")
"""Names under which LLaMA-Factory and axolotl ship their ZeRO-3 configs."""


def is_shipped_stage_3(deepspeed: object) -> bool:
    """Whether a config is named like the ones of ZeRO-3 that frameworks ship."""
    return isinstance(deepspeed, str) and _STAGE_3.fullmatch(deepspeed) is not None


def surely_shards(recipe: Recipe) -> bool:
    """Whether DeepSpeed is known to shard the parameters of a recipe."""
    stage = recipe["run.zero_stage"].value
    if stage is UNKNOWN:
        return is_shipped_stage_3(recipe["run.deepspeed"].value)
    return stage == SHARDS_PARAMETERS
