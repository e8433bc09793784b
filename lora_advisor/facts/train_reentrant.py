"""Facts of the two ways to recompute activations: torch's reentrant one and the newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, Train
    from lora_advisor.targets import Targets

_PLAIN: Final = ("peft-python", "transformers-python", "flags")
"""Formats that leave the kind of recomputation to transformers."""


def checkpoints_reentrantly(train: Train, recipe: Recipe, targets: Targets) -> bool:
    """Whether checkpointing is reentrant: asked for, or what transformers did before 5.

    Source: ``PreTrainedModel.gradient_checkpointing_enable``, 4.35 and 4.57.
    """
    asked = (train.gradient_checkpointing_kwargs or {}).get("use_reentrant")
    if asked is None and recipe.framework in _PLAIN:
        return targets.surely_hold({"transformers": "<5"})
    return asked is True


def checkpoints_nonreentrantly(train: Train) -> bool:
    """Whether non-reentrant checkpointing is asked for."""
    return (train.gradient_checkpointing_kwargs or {}).get("use_reentrant") is False
