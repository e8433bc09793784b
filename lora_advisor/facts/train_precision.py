"""Facts of a training's precision beside that of the weights it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._written import item_at, value_at
from lora_advisor.facts.model_modules import stored_dtype
from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Item, Model, Quant, Recipe, Train
    from lora_advisor.targets import Targets

_CASTING: Final = {
    "sft": ">=0.26",
    "grpo": ">=0.26",
    "reward": ">=0.26",
    "rloo": ">=0.27",
    "dpo": ">=0.29",
    "kto": ">=1.16",
}
"""TRL's releases whose trainers make the adapter of a bitsandbytes model bfloat16."""
_IN_FLOAT32: Final = pattern(r"_lora(?:_\w+_wds|_prior|_decoder)\.py$")
"""Scripts of diffusers that train on a float32 model, or with layers of LoRA of their own.

Source: ``examples/consistency_distillation`` and ``examples/kandinsky2_2`` of diffusers 0.40.
"""


def casts_to_bfloat16(train: Train, quant: Quant, targets: Targets) -> bool:
    """Whether TRL's trainer makes the trainable weights on a 4- or 8-bit base bfloat16.

    Source: the ``__init__`` of ``trl.trainer``'s trainers, which ask for no flag of precision.
    """
    releases = _CASTING.get(train.method)
    if releases is None or not targets.may_hold({"trl": releases}):
        return False
    return quant.load_in_4bit or quant.load_in_8bit


def copies_in_bfloat16(recipe: Recipe, model: Model, modules: Lookup, targets: Targets) -> bool:
    """Whether the base's own weights are bfloat16 as loaded: asked for, or as they are stored.

    From transformers 5 on ``from_pretrained`` keeps the stored type where none is asked for.
    """
    asked = recipe["model.dtype"]
    if asked.written and model.dtype != "auto":
        return (model.dtype or "").removeprefix("torch.") == "bfloat16"
    kept = asked.written or targets.may_hold({"transformers": ">=5"})
    loads = "from_pretrained" in {key.path for key in recipe.keys}
    return kept and loads and stored_dtype(recipe, modules) == "bfloat16"


def precision_told_to_launcher(recipe: Recipe) -> bool:
    """Whether mixed precision is told to the launcher or its file, and not to the script itself.

    It makes no difference to the scripts that keep the adapter in float32 whatever they are told.
    """
    told, started = recipe["run.mixed_precision"].written, recipe["run.starts"].value
    alike = isinstance(started, list) and any(_IN_FLOAT32.search(str(name)) for name in started)
    return told and not alike and all(key.name != "mixed_precision" for key in recipe.keys)


def pure_float16(recipe: Recipe) -> tuple[Item, ...]:
    """Return kohya's switch for weights and gradients in float16, where it is on."""
    keys = (key for key in recipe.keys if key.name == "full_fp16")
    items = (item_at(recipe, key.path, key.name) for key in keys if value_at(recipe, key.path))
    return tuple(item for item in items if item is not None)
