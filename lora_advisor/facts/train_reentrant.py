"""Facts of the two ways to recompute activations: torch's reentrant one and the newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lora_advisor.recipe import Train


def checkpoints_reentrantly(train: Train) -> bool:
    """Whether reentrant checkpointing is asked for, by the config or by its framework."""
    return (train.gradient_checkpointing_kwargs or {}).get("use_reentrant") is True


def checkpoints_nonreentrantly(train: Train) -> bool:
    """Whether non-reentrant checkpointing is asked for."""
    return (train.gradient_checkpointing_kwargs or {}).get("use_reentrant") is False
