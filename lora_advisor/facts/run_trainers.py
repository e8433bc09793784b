"""Facts of arguments that TRL's trainers handed over to their configs.

Source: the signatures of ``trl.trainer`` in the releases 0.4.7 to 1.16.
"""

from __future__ import annotations

import re
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


_OF_ANY: Final = frozenset(
    {"args", "callbacks", "compute_loss_func", "compute_metrics", "data_collator"}
    | {"eval_dataset", "formatting_func", "model", "model_init", "optimizer_cls_and_kwargs"}
    | {"optimizers", "peft_config", "preprocess_logits_for_metrics", "processing_class"}
    | {"quantization_config", "ref_model", "tokenizer", "train_dataset", "model_adapter_name"}
    | {"ref_adapter_name"}
)
"""Arguments that some trainer of TRL has taken at some time; GRPO's never took most of them."""
_OF_GRPO: Final = frozenset(
    {"args", "callbacks", "environment_factory", "eval_dataset", "model", "optimizers"}
    | {"peft_config", "processing_class", "quantization_config", "reward_funcs"}
    | {"reward_processing_classes", "rollout_func", "tools", "train_dataset"}
)
_EVER_TAKEN: Final = {
    "SFTTrainer": _OF_ANY.union(_INTO_SFT),
    "DPOTrainer": _OF_ANY.union(_INTO_DPO),
    "RewardTrainer": _OF_ANY | {"max_length"},
    "GRPOTrainer": _OF_GRPO,
}
_OF_LOADER: Final = frozenset(
    {"torch_dtype", "dtype", "device_map", "attn_implementation", "load_in_4bit", "load_in_8bit"}
    | {"trust_remote_code", "low_cpu_mem_usage"}
)


def unknown_to_trainer(recipe: Recipe, targets: Targets) -> tuple[MovedArgument, ...]:
    """Arguments that no release of TRL has ever taken in this trainer."""
    text = recipe.document.text
    imported = [name for name in _EVER_TAKEN if _imports(text, name)]
    sure = targets.surely_hold({"trl": "<=1.16.99"})
    return tuple(
        MovedArgument(
            path=key.path,
            at=key.key_at,
            value=name,
            hint=_owner(trainer, name),
            until="",
            sure=sure,
        )
        for trainer in imported
        for key in recipe.keys
        if key.path.startswith(f"{trainer}.")
        and (name := key.path.removeprefix(f"{trainer}.")).isidentifier()
        and name not in _EVER_TAKEN[trainer]
    )


def _imports(text: str, name: str) -> bool:
    """Whether a script takes a trainer from TRL, and makes none of that name itself."""
    given = re.search(
        rf"^[ \t]*from trl\b[^\n]* import (?:\([^)]*|[^\n(]*)\b{name}\b", text, re.MULTILINE
    )
    return given is not None and f"class {name}" not in text


def _owner(trainer: str, name: str) -> str:
    """Say what takes an argument that a trainer does not: its config, or the model's loading."""
    if name in _OF_LOADER:
        return f"from_pretrained({name}=…)"
    config = trainer.replace("Trainer", "Config")
    return f"{config}({name}=…)" if name in schemas.keys("trl", config) else ""
