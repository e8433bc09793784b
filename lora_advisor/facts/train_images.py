"""Facts of kohya's scripts: learning rates of the parts, and half precision throughout.

Source: sd-scripts of February 2026, ``train_network.py`` and ``docs/train_network*.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._arguments import item
from lora_advisor.facts.lora import scaling
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.source.scalars import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Item, Lora, Recipe, Run, WrittenKey
    from lora_advisor.targets import Targets

_RATES: Final = ("unet_lr", "learning_rate", "text_encoder_lr", "text_encoder_lr1")
_HIGHEST: Final = 2e-3
"""Twice the highest rate that the scripts' own guide names, and that for an alpha of 1."""
_RATE_PER_SCALING: Final = 0.6
_FULL: Final = {"full_fp16": "fp16", "full_bf16": "bf16"}


def ruinous_rates(recipe: Recipe, lora: Lora, targets: Targets) -> tuple[Item, ...]:
    """Rates of the network or of a text encoder beyond all that the scripts' guide names."""
    factor = min(scaling(lora, recipe, targets), 1.0) ** _RATE_PER_SCALING
    found = [(key, rate) for key, rate in _values(recipe, "float") if key.name in _RATES]
    return tuple(
        item(key, rate)
        for key, rate in found
        if isinstance(rate, (int, float)) and rate * factor >= _HIGHEST
    )


def full_without_mixed(recipe: Recipe, run: Run) -> tuple[Item, ...]:
    """``full_fp16`` or ``full_bf16`` beside another mixed precision; the hint is the one asked."""
    return tuple(
        item(key, run.mixed_precision, _FULL[key.name])
        for key, on in _values(recipe, "bool")
        if key.name in _FULL and on is True and run.mixed_precision != _FULL[key.name]
    )


def _values(recipe: Recipe, kind: str) -> Iterator[tuple[WrittenKey, Any]]:
    """Yield every key of a file of kohya's with its value, text cast to a kind."""
    framework = by_name(recipe.framework)
    if framework is None or framework.name != "kohya":
        return
    for key in recipe.keys:
        yield key, cast_to(kind, plain_value(key.node, framework.scalars))
