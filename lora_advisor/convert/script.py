"""Calls of a training script: which argument of which call says a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.convert.writer import Entry, ordered
from lora_advisor.recipe import Lora, Quant, Train

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_ARGUMENTS: Final = frozenset(
    {"method", "enabled", "total_batch_size", "ref_model", "computes_metrics", "warmup_ratio"}
    | {"activation_checkpointing", "group_by_length"}
)
_OF_TRL: Final = frozenset(
    {"beta", "loss_type", "sync_ref_model", "num_generations", "generation_batch_size"}
    | {"steps_per_generation", "use_vllm"}
)
_BY_METHOD: Final = {
    "beta": ("DPOConfig", "KTOConfig", "GRPOConfig"),
    "loss_type": ("SFTConfig", "DPOConfig", "KTOConfig", "GRPOConfig"),
    "num_generations": ("GRPOConfig",),
    "generation_batch_size": ("GRPOConfig",),
    "steps_per_generation": ("GRPOConfig",),
    "use_vllm": ("GRPOConfig",),
    "sync_ref_model": ("DPOConfig", "GRPOConfig"),
}
_LOADING: Final = {
    "model.name_or_path": "from_pretrained.pretrained_model_name_or_path",
    "model.dtype": "from_pretrained.dtype",
    "model.attn_implementation": "from_pretrained.attn_implementation",
    "model.device_map": "from_pretrained.device_map",
    "model.trust_remote_code": "from_pretrained.trust_remote_code",
    "model.num_labels": "from_pretrained.num_labels",
}
_DATA: Final = ("max_length", "packing", "completion_only_loss", "assistant_only_loss")
_UNSLOTH: Final = {
    "model.name_or_path": "from_pretrained.model_name",
    "data.max_length": "from_pretrained.max_seq_length",
    "quant.load_in_4bit": "from_pretrained.load_in_4bit",
    "quant.load_in_8bit": "from_pretrained.load_in_8bit",
    "model.trust_remote_code": "from_pretrained.trust_remote_code",
    "model.dtype": "from_pretrained.dtype",
    "train.gradient_checkpointing": "get_peft_model.use_gradient_checkpointing",
}
_GET_PEFT_MODEL: Final = frozenset(
    {"r", "lora_alpha", "lora_dropout", "target_modules", "bias", "use_rslora", "modules_to_save"}
    | {"init_lora_weights", "loftq_config", "layers_to_transform", "layers_pattern"}
)


def entries(values: Mapping[str, object], config: str, *, unsloth: bool) -> list[Entry]:
    """Return the arguments that say the values, as ``call.argument``."""
    find = _for_unsloth if unsloth else _for_peft
    found = []
    for field in ordered(values):
        path = find(field, values, config)
        if path and values[field] is not None:
            group = field.partition(".")[0]
            found.append(Entry(path=path, value=values[field], group=group, field=field))
    return found


def _for_peft(field: str, values: Mapping[str, object], config: str) -> str:
    group, _, name = field.partition(".")
    if group == "lora" and name in Lora.__annotations__:
        return "" if name in ("enabled", "peft_type", *_PLUS) else f"LoraConfig.{name}"
    if group == "quant" and name in Quant.__annotations__ and name not in ("method", "bits"):
        quantised = values.get("quant.load_in_4bit") or values.get("quant.load_in_8bit")
        return f"BitsAndBytesConfig.{name}" if quantised else ""
    return _LOADING.get(field) or _argument(field, values, config)


_PLUS: Final = ("loraplus_lr_ratio", "loraplus_lr_embedding")


def _for_unsloth(field: str, values: Mapping[str, object], config: str) -> str:
    group, _, name = field.partition(".")
    if group == "lora":
        known = name in _GET_PEFT_MODEL and values[field] != "all-linear"
        return f"get_peft_model.{name}" if known else ""
    return _UNSLOTH.get(field) or _argument(field, values, config)


def _argument(field: str, values: Mapping[str, object], config: str) -> str:
    """Return the argument of the trainer's config; below 1 ``warmup_steps`` is a share."""
    group, _, name = field.partition(".")
    if field == "train.warmup_ratio" and values[field] and not values.get("train.warmup_steps"):
        return f"{config}.warmup_steps"
    if field == "train.warmup_steps" and not values[field]:
        return ""
    if field == "run.output_dir":
        return f"{config}.output_dir"
    if group == "data":
        return f"{config}.{name}" if config == "SFTConfig" and name in _DATA else ""
    if group != "train" or name in _NOT_ARGUMENTS or name not in Train.__annotations__:
        return ""
    if name in _OF_TRL and config not in _BY_METHOD.get(name, ()):
        return ""
    return f"{config}.{name}"


def remarks(values: Mapping[str, object]) -> list[str]:
    """Say what the reader of a script has to know."""
    if values.get("train.warmup_ratio"):
        return ["warmup_steps below 1 is a share of the run: it takes transformers 5"]
    return []
