"""Facts of the launch: what is sharded, and by whom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._sharding import SHARDS_PARAMETERS, is_shipped_stage_3
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN, UnknownValueError
from lora_advisor.source.tree import Sequence

if TYPE_CHECKING:
    from lora_advisor.gpus import Gpu
    from lora_advisor.recipe import Recipe, Run
    from lora_advisor.targets import Targets

_NUMBERED: Final = pattern(r"(?:cuda:)?\d+")
"""A device map's value for one certain GPU."""
_PROCESSES: Final = pattern(r"(?i)nproc|num_processes|torchrun|torch\.distributed")
_LOOPS: Final = frozenset({"diffusers", "kohya"})
"""Formats whose scripts train in a loop of their own on ``Accelerator``."""


def gpu_gib(gpu: Gpu | None) -> float:
    """GiB of the GPU that the command line or the settings name."""
    if gpu is None:
        raise UnknownValueError
    return round(gpu.memory / 2**30, 1)


def stated_processes(recipe: Recipe) -> int:
    """Processes as the files at hand state them, 1 where nothing speaks of any."""
    stated = recipe["run.num_processes"].value
    if isinstance(stated, int):
        return stated
    at = recipe["run.visible_gpus"].key_at
    texts = [recipe.document.text, at.document.text if at is not None else ""]
    if any(_PROCESSES.search(text) for text in texts):
        raise UnknownValueError("the number of processes is filled in later")
    return 1


def zero3(run: Run) -> bool:
    """Whether DeepSpeed shards the parameters, by its config or by the name of a shipped one."""
    try:
        return run.zero_stage == SHARDS_PARAMETERS
    except UnknownValueError:
        if is_shipped_stage_3(run.deepspeed):
            return True
        raise


def sharded_twice(recipe: Recipe) -> bool:
    """Whether one file asks for both FSDP and DeepSpeed."""
    fsdp, deepspeed = recipe["run.fsdp"], recipe["run.deepspeed"]
    places = [value.key_at for value in (fsdp, deepspeed) if value.key_at is not None]
    both = fsdp.value is True and isinstance(deepspeed.value, (str, dict)) and bool(deepspeed.value)
    return both and {place.document.path for place in places} == {recipe.document.path}


def fsdp_or_deepspeed(recipe: Recipe) -> bool:
    """Whether the files at hand ask for FSDP or DeepSpeed."""
    told = (recipe["run.deepspeed"], recipe["run.zero_stage"])
    named = any(value.written and value.value is not None for value in told)
    return named or recipe["run.fsdp"].value is True


def fsdp1_is_gone(targets: Targets) -> bool:
    """Whether the axolotl in use is known to have FSDP2 only."""
    return targets.surely_hold({"axolotl": ">=0.21"})


def uses_fsdp1(recipe: Recipe) -> bool:
    """Whether axolotl is asked for the first FSDP: by the list ``fsdp``, or by its number."""
    version = recipe["run.fsdp_version"]
    own = version.key_at is not None and version.key_at.document is recipe.document
    return fsdp_is_a_list(recipe) or (own and version.value == 1)


def fsdp_is_a_list(recipe: Recipe) -> bool:
    """Whether ``fsdp`` lists strategies, as only the first FSDP has them."""
    listed = (key.node for key in recipe.keys if key.path == "fsdp")
    return any(isinstance(node, Sequence) and bool(node.items) for node in listed)


def checkpoints_twice(recipe: Recipe) -> bool:
    """Whether FSDP's own block asks for activation checkpointing."""
    config = recipe["run.fsdp_config"].value
    if not isinstance(config, dict):
        raise UnknownValueError
    names = ("activation_checkpointing", "fsdp_activation_checkpointing")
    return any(str(config.get(name)).lower() == "true" for name in names)


def precision_of_deepspeed(recipe: Recipe) -> str:
    """Precision that a DeepSpeed config fixes; unknown where accelerate or nobody does."""
    value = recipe["run.mixed_precision"]
    if not value.key.endswith(".enabled") or not isinstance(value.value, str):
        raise UnknownValueError
    return value.value


def compares_accumulation(recipe: Recipe) -> bool:
    """Whether transformers compares DeepSpeed's accumulation with that of the training.

    A loop of one's own on ``Accelerator`` takes DeepSpeed's.
    """
    key = recipe["train.gradient_accumulation_steps"].key
    return recipe.framework not in _LOOPS and not key.startswith("Accelerator.")


def spreads_model(recipe: Recipe) -> bool:
    """Whether the written device map spreads one model over the GPUs of a process."""
    value = recipe["model.device_map"]
    if value.written and value.value is UNKNOWN:
        raise UnknownValueError
    return value.written and value.value in ("auto", "balanced", "balanced_low_0", "sequential")


def pins_model(recipe: Recipe) -> bool:
    """Whether the written device map puts the whole model onto one GPU, the same in any process."""
    value = recipe["model.device_map"]
    if not value.written or value.value is UNKNOWN:
        return False
    places = list(value.value.values()) if isinstance(value.value, dict) else [value.value]
    return len(places) == 1 and _NUMBERED.fullmatch(str(places[0])) is not None


def shares_experts_out(recipe: Recipe, targets: Targets) -> bool:
    """Whether nothing at hand tells ZeRO-3 to gather a block of experts as one.

    LLaMA-Factory does so itself from 0.5 on.
    """
    if recipe.framework == "llamafactory" and not _before_release_0_5(targets):
        return False
    stage, named = recipe["run.zero_stage"], recipe["run.deepspeed"]
    texts = [recipe.document.text]
    places = [value.key_at for value in (stage, named) if value.key_at is not None]
    texts += [place.document.text for place in places]
    return not any(re.search(r"moe_layer_cls|leaf_module", text) for text in texts)


def _before_release_0_5(targets: Targets) -> bool:
    """Whether LLaMA-Factory may be older than 0.5, which asks for transformers 4.37.2."""
    older = targets.surely_hold({"transformers": "<4.37.2"})
    return older or targets.may_hold({"llamafactory": "<0.5"})


def surely_old_unsloth(targets: Targets) -> bool:
    """Whether the Unsloth in use is known to refuse several processes."""
    return targets.surely_hold({"unsloth": "<2025.3"})
