"""Facts of the two ways to recompute activations: torch's reentrant one and the newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.recipe import UNKNOWN, UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, Train
    from lora_advisor.targets import Targets

_PLAIN: Final = ("peft-python", "transformers-python", "flags")
"""Formats that leave the kind of recomputation to transformers."""
_TRL: Final = ("trl", "trl-python")
_WRAPPING: Final = ("peft-python", "trl", "trl-python")
"""Formats whose trainer is given the model inside PEFT's."""


def checkpoints_reentrantly(recipe: Recipe, targets: Targets) -> bool:
    """Whether checkpointing is reentrant: asked for, or what transformers did before 5.

    Source: ``PreTrainedModel.gradient_checkpointing_enable``, 4.35 and 4.57; TRL asks for the other
    kind itself from 1.0 on.
    """
    asked = _asked(recipe)
    if asked is not None:
        return asked is True
    if recipe.framework in _PLAIN:
        return targets.surely_hold({"transformers": "<5"})
    switched_on = recipe["train.gradient_checkpointing"].written  # TRL's default changed with 0.20
    old = targets.surely_hold({"transformers": "<5", "trl": "<1.0"})
    return recipe.framework in _TRL and switched_on and old


def _asked(recipe: Recipe) -> object:
    """Return the kind that is asked for, None where nothing asks.

    A script that takes flags decides itself where it is given none; it is taken to ask nothing.
    """
    given = recipe["train.gradient_checkpointing_kwargs"]
    if given.value is UNKNOWN:
        if recipe.framework == "flags" and not given.written:
            return None
        raise UnknownValueError("the settings of checkpointing are not known")
    return given.value.get("use_reentrant") if isinstance(given.value, dict) else None


def seeks_unused_parameters(train: Train, recipe: Recipe) -> bool:
    """Whether DDP looks for unused parameters: asked for, or because the model is PEFT's.

    Source: ``Trainer._build_accelerator_args``, which switches it off for a checkpointed
    ``PreTrainedModel`` only; a ``PeftModel`` is none.
    """
    if train.ddp_find_unused_parameters is not None:
        return train.ddp_find_unused_parameters
    return recipe.framework in _WRAPPING


def checkpoints_nonreentrantly(train: Train) -> bool:
    """Whether non-reentrant checkpointing is asked for."""
    return (train.gradient_checkpointing_kwargs or {}).get("use_reentrant") is False
