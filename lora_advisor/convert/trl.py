"""YAML for TRL's commands. Source: ``trl.scripts`` and the trainers' configs of TRL 1.16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.convert.writer import (
    DATASET,
    Entry,
    Writer,
    file_kind,
    left_out,
    renamed,
    spelled,
    truthy,
)
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.known import known_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, object]


def targets(value: object, _values: Values) -> Values:
    """Write a pattern as a list of one, which TRL unwraps; a list of one name stays a pattern."""
    if value == "all-linear":
        return {"lora_target_modules": value}
    if isinstance(value, str):
        return {"lora_target_modules": [value]}
    if isinstance(value, list) and len(value) == 1:
        return {"lora_target_modules": [rf".*\.{value[0]}"]}
    return {"lora_target_modules": value} if value else {}


def warmup(value: object, values: Values) -> Values:
    """Write a share as ``warmup_steps`` below 1, as transformers 5 has it."""
    return {"warmup_steps": value} if value and not values.get("train.warmup_steps") else {}


def _method_only(path: str, *methods: str) -> Callable[[object, Values], Values]:
    return lambda value, values: {path: value} if values.get("train.method") in methods else {}


def _fsdp(value: object, _values: Values) -> Values:
    return {"fsdp": "full_shard"} if value else {}


def _dataset(value: object, _values: Values) -> Values:
    """Name a data set of the Hub, or a local file as part of a mixture."""
    if kind := file_kind(value):
        return {"datasets": [{"path": kind, "data_files": value}]}
    return {"dataset_name": value}


_SPECIAL: Final[Mapping[str, Callable[[object, Values], Values]]] = {
    "lora.enabled": renamed("use_peft"),
    "lora.target_modules": targets,
    "train.method": left_out,
    "train.enabled": left_out,
    "train.warmup_ratio": warmup,
    "train.warmup_steps": lambda value, _values: {"warmup_steps": value} if value else {},
    "train.group_by_length": truthy("train_sampling_strategy", "group_by_length"),
    "train.beta": _method_only("beta", "dpo", "kto", "grpo", "rloo", "orpo"),
    "train.loss_type": _method_only("loss_type", "sft", "dpo", "kto", "grpo"),
    "train.num_generations": _method_only("num_generations", "grpo", "rloo"),
    "train.activation_checkpointing": left_out,
    "train.eval_strategy": renamed("eval_strategy"),
    "train.label_names": left_out,
    "data.max_length": _method_only("max_length", "sft", "dpo", "kto", "reward", "orpo"),
    "data.packing": _method_only("packing", "sft"),
    "data.packing_strategy": _method_only("packing_strategy", "sft"),
    "data.eval_packing": _method_only("eval_packing", "sft"),
    "data.padding_free": _method_only("padding_free", "sft", "dpo"),
    "data.completion_only_loss": _method_only("completion_only_loss", "sft"),
    "data.assistant_only_loss": _method_only("assistant_only_loss", "sft"),
    "quant.method": left_out,
    "quant.bnb_4bit_compute_dtype": left_out,
    "quant.bnb_4bit_quant_type": lambda value, values: (
        {"bnb_4bit_quant_type": value} if values.get("quant.load_in_4bit") else {}
    ),
    "quant.bnb_4bit_use_double_quant": lambda value, values: (
        {"use_bnb_nested_quant": value} if values.get("quant.load_in_4bit") else {}
    ),
    "run.fsdp": _fsdp,
    DATASET: _dataset,
}


def _entries(values: Values) -> list[Entry]:
    known = _arguments(values.get("train.method"))
    said = spelled(values, "trl", _SPECIAL)
    found = [entry for entry in said if entry.path.partition(".")[0] in known]
    if values.get("train.method") == "grpo":
        found.append(Entry(path="reward_funcs", value=["accuracy_reward"], group="train"))
    return found


def _arguments(method: object) -> frozenset[str]:
    """Return the arguments a command has today: ``trl dpo`` has others than ``trl sft``."""
    reader = by_name("trl")
    keys = known_keys(reader, method) if reader is not None else {}
    return frozenset(name for name, key in keys.items() if key.until is None)


def _remarks(values: Values) -> list[str]:
    told = []
    if values.get("train.warmup_ratio"):
        told.append("warmup_steps below 1 is a share of the run: it takes transformers 5")
    if values.get("train.method") == "grpo":
        told.append("reward_funcs names what rewards a completion")
    return told


WRITER: Final = Writer(
    name="trl",
    title="TRL command line",
    template="trl.yaml.j2",
    methods=("sft", "dpo", "kto", "grpo", "reward"),
    entries=_entries,
    remarks=_remarks,
    file="{method}.yaml",
)
