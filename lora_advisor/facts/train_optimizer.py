"""Facts of the optimizer's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.known import nearest
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, Train

OPTIMIZERS: Final = frozenset(
    [
        "adamw_torch",
        "adamw_torch_fused",
        "adamw_torch_xla",
        "adamw_torch_npu_fused",
        "adamw_apex_fused",
        "adafactor",
        "adamw_anyprecision",
        "adamw_torch_4bit",
        "adamw_torch_8bit",
        "ademamix",
        "sgd",
        "adagrad",
        "adamw_bnb_8bit",
        "adamw_8bit",
        "ademamix_8bit",
        "lion_8bit",
        "lion_32bit",
        "paged_adamw_32bit",
        "paged_adamw_8bit",
        "paged_ademamix_32bit",
        "paged_ademamix_8bit",
        "paged_lion_32bit",
        "paged_lion_8bit",
        "rmsprop",
        "rmsprop_bnb",
        "rmsprop_bnb_8bit",
        "rmsprop_bnb_32bit",
        "galore_adamw",
        "galore_adamw_8bit",
        "galore_adafactor",
        "galore_adamw_layerwise",
        "galore_adamw_8bit_layerwise",
        "galore_adafactor_layerwise",
        "lomo",
        "adalomo",
        "grokadamw",
        "schedule_free_radam",
        "schedule_free_adamw",
        "schedule_free_sgd",
        "apollo_adamw",
        "apollo_adamw_layerwise",
        "stable_adamw",
    ]
)
"""Every name of ``transformers.training_args.OptimizerNames`` up to 5.23."""
REMOVED: Final = frozenset({"adamw_hf"})
AXOLOTL: Final = frozenset(
    [
        "optimi_adamw",
        "ao_adamw_4bit",
        "ao_adamw_8bit",
        "ao_adamw_fp8",
        "adopt_adamw",
        "came_pytorch",
        "muon",
        "dion",
        "sinkgd",
        "flash_adamw",
        "flash_adam",
        "flash_sgd",
        "flash_sgdw",
        "flash_lion",
        "q_galore_adamw8bit",
        "lion_pytorch",
    ]
)
"""Its own: ``axolotl.utils.schemas.enums.CustomSupportedOptimizers``, and one of old releases."""
_NEVER_SPELT_SO: Final = {
    "adamw": "adamw_torch",
    "adam": "adamw_torch",
    "adamw_fused": "adamw_torch_fused",
    "adamw_8_bit": "adamw_8bit",
    "adam_8bit": "adamw_8bit",
    "adamw8bit": "adamw_8bit",
    "paged_adamw": "paged_adamw_32bit",
    "lion": "lion_32bit",
    "adamw_hf": "adamw_torch",
}


def optimizer_known(train: Train, recipe: Recipe) -> bool:
    """Whether the framework has, or once had, an optimizer of that name."""
    own = AXOLOTL if recipe.framework == "axolotl" else frozenset()
    return train.optim in OPTIMIZERS | REMOVED | own


def optimizer_removed(train: Train) -> bool:
    """Whether transformers 5 took that optimizer away."""
    return train.optim in REMOVED


def optimizer_meant(train: Train) -> str:
    """Return the optimizer that a wrong name is nearest to."""
    name = train.optim.lower().replace("-", "_")
    return _NEVER_SPELT_SO.get(name) or nearest(name, frozenset(OPTIMIZERS)) or "adamw_torch"


def is_adam(train: Train, recipe: Recipe) -> bool:
    """Whether the steps are Adam's, whose size is the learning rate itself.

    Unsloth puts AdamW in 8 bits in place of transformers' default, which is AdamW, too.
    """
    optimizer = recipe["train.optim"]
    if recipe.framework == "unsloth" and optimizer.value is UNKNOWN and optimizer.key_at is None:
        return True
    own = ("adamw", "paged_adamw", "ademamix", "paged_ademamix")
    return train.optim == "adam" or train.optim.startswith(own)


def projects_full_gradients(train: Train) -> bool:
    """Whether the optimizer saves the memory of full fine-tuning: GaLore, APOLLO, LOMO."""
    return train.optim.startswith(("galore_", "apollo_", "lomo", "adalomo", "q_galore"))


def full_tuning_method(recipe: Recipe) -> str:
    """Return LLaMA-Factory's switch that its LoRA refuses (``use_galore``), empty for none.

    Source: ``llamafactory.hparams.finetuning_args.FinetuningArguments.__post_init__``.
    """
    for key in recipe.keys:
        switch = key.path in ("use_galore", "use_apollo", "use_badam")
        if switch and getattr(key.node, "text", "") == "true":
            return key.path
    return ""
