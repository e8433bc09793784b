"""Facts of arguments that TRL's trainers handed over to their configs.

Source: the signatures of ``trl.trainer`` in the releases 0.4.7 to 1.16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import argument
from lora_advisor.facts._releases import may_reach
from lora_advisor.frameworks import schemas
from lora_advisor.recipe import Item
from lora_advisor.record import record

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets

_INTO_SFT: Final = (
    *("dataset_text_field", "packing", "max_seq_length", "dataset_num_proc", "dataset_batch_size"),
    *("neftune_noise_alpha", "model_init_kwargs", "dataset_kwargs", "eval_packing", "infinite"),
    *("num_of_sequences", "chars_per_token"),
)
_INTO_DPO: Final = (
    *("beta", "label_smoothing", "loss_type", "label_pad_token_id", "padding_value"),
    *("truncation_mode", "max_length", "max_prompt_length", "max_target_length"),
    *("is_encoder_decoder", "disable_dropout", "generate_during_eval", "precompute_ref_log_probs"),
    *("dataset_num_proc", "model_init_kwargs", "ref_model_init_kwargs", "model_adapter_name"),
    *("ref_adapter_name", "reference_free", "force_use_ref_model"),
)
_MOVED: Final = {
    "SFTTrainer": ("SFTConfig", dict.fromkeys(_INTO_SFT, "0.13") | {"tokenizer": "0.16"}),
    "DPOTrainer": ("DPOConfig", dict.fromkeys(_INTO_DPO, "0.13") | {"tokenizer": "0.16"}),
    "RewardTrainer": ("RewardConfig", {"max_length": "0.14", "tokenizer": "0.15"}),
    "KTOTrainer": ("KTOConfig", {"tokenizer": "0.14"}),
    "CPOTrainer": ("CPOConfig", {"tokenizer": "0.14"}),
    "ORPOTrainer": ("ORPOConfig", {"tokenizer": "0.15"}),
}
"""For each trainer its config, and what it no longer takes, with the first release without it."""


@record
class MovedArgument(Item):
    """An argument that a trainer no longer takes since release ``until``.

    The hint is the new place, empty where there is none; ``sure`` says that every release in use
    refuses the argument.
    """

    until: str
    sure: bool


def removed_from_trl(recipe: Recipe, targets: Targets) -> tuple[MovedArgument, ...]:
    """Arguments of TRL's trainers that the releases in use look for in their configs."""
    found = []
    for trainer, (config, names) in _MOVED.items():
        for name, until in names.items():
            key = argument(recipe, trainer, name)
            if key is not None and may_reach("trl", until, targets):
                place = _new_place(config, name, targets)
                sure = targets.surely_hold({"trl": f">={until}"})
                moved = MovedArgument(
                    path=key.path, at=key.key_at, value=name, hint=place, until=until, sure=sure
                )
                found.append(moved)
    return tuple(found)


def _new_place(config: str, name: str, targets: Targets) -> str:
    """Say where the newest release in use takes an argument, empty where it takes it nowhere."""
    if name == "tokenizer":
        return "processing_class"
    release = targets.get("trl").high
    entry = schemas.keys("trl", config).get(name)
    if entry is not None and schemas.known_in(entry, release):
        return f"{config}({name}=…)"
    new = schemas.rename("trl", name)
    return f"{config}({new.to}=…)" if new is not None and new.to else ""


def reference_refused(recipe: Recipe, targets: Targets) -> bool:
    """Whether the TRL in use is known to refuse a reference model beside the adapter's config.

    Source: ``DPOTrainer.__init__`` of the releases 0.7.11 to 0.27.
    """
    both = all(argument(recipe, "DPOTrainer", name) for name in ("ref_model", "peft_config"))
    forced = any(key.name == "force_use_ref_model" for key in recipe.keys)
    return both and not forced and targets.surely_hold({"trl": ">=0.7.11,<0.28"})
