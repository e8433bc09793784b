"""Facts of a DeepSpeed config that a trainer fills in: what it cannot compare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import item
from lora_advisor.pattern import pattern
from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe

_COMPARED: Final = frozenset(
    {"bf16.enabled", "fp16.enabled", "gradient_clipping", "gradient_accumulation_steps"}
    | {"train_batch_size", "train_micro_batch_size_per_gpu", "optimizer.params.lr"}
    | {"optimizer.params.eps", "optimizer.params.weight_decay"}
)
"""Values that have to equal the trainer's own (``HfTrainerDeepSpeedConfig.fill_match``)."""
_FILLED_IN: Final = pattern(r":\s*\"auto\"")
_VALUE: Final = pattern(r"true|false|[-+]?\d[\d.]*(?:e[-+]?\d+)?", re.IGNORECASE)


def texts_of_deepspeed(recipe: Recipe) -> tuple[Item, ...]:
    """Values in quotes where transformers compares with a number or a switch of its own.

    Only transformers and accelerate fill an ``auto`` in; where there is none, DeepSpeed may be
    started by a program that compares nothing.
    """
    if recipe.framework != "deepspeed" or not _FILLED_IN.search(recipe.document.text):
        return ()
    return tuple(
        item(key, key.node.text)
        for key in recipe.keys
        if key.path in _COMPARED and isinstance(key.node, Scalar)
        if not key.node.plain and _VALUE.fullmatch(key.node.text)
    )
