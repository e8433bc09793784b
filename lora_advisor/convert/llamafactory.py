"""LLaMA-Factory's YAML. Source: ``llamafactory.hparams`` of 0.9.5, as read by its reader here."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from lora_advisor.convert.writer import (
    DATASET,
    Entry,
    Writer,
    file_kind,
    left_out,
    of_four,
    spelled,
    truthy,
    warmup,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, object]

_STAGES: Final = {"pretrain": "pt", "reward": "rm", "dpo": "dpo", "kto": "kto", "sft": "sft"}
_LOSSES: Final = ("orpo", "simpo", "ipo")


def _method(value: object, _values: Values) -> Values:
    if value in _LOSSES:
        return {"stage": "dpo", "pref_loss": value}
    return {"stage": _STAGES.get(str(value), "sft")}


def _loss(value: object, values: Values) -> Values:
    name = value[0] if isinstance(value, list) and len(value) == 1 else value
    return {"pref_loss": name} if values.get("train.method") == "dpo" else {}


def _beta(value: object, values: Values) -> Values:
    paired = ("dpo", "kto", "orpo", "simpo", "ipo")
    return {"pref_beta": value} if values.get("train.method") in paired else {}


def _switch(value: object, _values: Values) -> Values:
    return {"do_train": True, "finetuning_type": "lora"} if value else {"finetuning_type": "full"}


def _targets(value: object, _values: Values) -> Values:
    if value == "all-linear":
        return {"lora_target": "all"}
    return {"lora_target": ",".join(map(str, value))} if isinstance(value, list) else {}


def _listed(path: str) -> Callable[[object, Values], Values]:
    return lambda value, _values: (
        {path: ",".join(map(str, value))} if isinstance(value, list) else {}
    )


def _saved(value: object, values: Values) -> Values:
    """Name modules to save, but for reward models: there a value head is put on a causal model."""
    return {} if values.get("train.method") == "reward" else _listed("additional_target")(value, {})


def _checkpointing(value: object, _values: Values) -> Values:
    return {} if value else {"disable_gradient_checkpointing": True}


def _reentrant(value: object, values: Values) -> Values:
    on = values.get("train.gradient_checkpointing") is not False
    use = value.get("use_reentrant") if isinstance(value, dict) else None
    return {"use_reentrant_gc": use} if on and isinstance(use, bool) else {}


def _attention(value: object, _values: Values) -> Values:
    known = {"flash_attention_2": "fa2", "sdpa": "sdpa", "eager": "disabled", None: "auto"}
    return {"flash_attn": known[value]} if value in known else {}


def _initialisation(value: object, _values: Values) -> Values:
    if value == "pissa":
        return {"pissa_init": True, "pissa_iter": -1}
    steps = str(value).removeprefix("pissa_niter_")
    return {"pissa_init": True, "pissa_iter": int(steps)} if steps.isdigit() else {}


def _in_eight(value: object, values: Values) -> Values:
    four = values.get("quant.load_in_4bit")
    return {"quantization_bit": 8} if value and not four else {}


def _name_of(dataset: object) -> str:
    """Return the name for data that ``dataset_info.json`` has to describe: a file's own."""
    text = str(dataset)
    is_path = file_kind(text) or text.startswith(("/", "./", "../"))
    return PurePath(text).stem if is_path else text


_SPECIAL: Final[Mapping[str, Callable[[object, Values], Values]]] = {
    "lora.enabled": _switch,
    "lora.target_modules": _targets,
    "lora.modules_to_save": _saved,
    "lora.init_lora_weights": _initialisation,
    "lora.task_type": left_out,
    "lora.peft_type": left_out,
    "train.method": _method,
    "train.loss_type": _loss,
    "train.beta": _beta,
    "train.enabled": left_out,
    "train.gradient_checkpointing": _checkpointing,
    "train.gradient_checkpointing_kwargs": _reentrant,
    "train.warmup_steps": warmup,
    "train.group_by_length": truthy("group_by_length"),
    "train.label_names": left_out,
    "model.attn_implementation": _attention,
    "model.dtype": left_out,
    "model.adapter": _listed("adapter_name_or_path"),
    "quant.load_in_4bit": truthy("quantization_bit", 4),
    "quant.load_in_8bit": _in_eight,
    "quant.method": left_out,
    "quant.bnb_4bit_quant_type": of_four("quantization_type"),
    "quant.bnb_4bit_use_double_quant": of_four("double_quantization"),
    "quant.bits": left_out,
    "data.new_tokens": left_out,
    DATASET: lambda value, _values: {"dataset": _name_of(value)},
}
_TEMPLATES: Final = (
    ("codellama", "llama2"),  # whose 34 B would be taken for a Llama 3
    ("qwen3", "qwen3"),
    ("qwen", "qwen"),
    ("llama-3", "llama3"),
    ("llama-2", "llama2"),
    ("gemma-3", "gemma3"),
    ("gemma", "gemma"),
    ("mistral", "mistral"),
    ("phi-4", "phi4"),
)


def _entries(values: Values) -> list[Entry]:
    found = spelled(values, "llamafactory", _SPECIAL)
    if "data.template" not in values:
        found.append(Entry(path="template", value=template_of(values), group="data"))
    return found


def template_of(values: Values) -> str:
    """Return the chat template of a family of models, ``default`` where none is known for sure."""
    name = str(values.get("model.name_or_path", "")).lower()
    tuned = re.search(r"instruct|chat|thinking|-it\b", name)
    if not tuned and ("qwen3" not in name or "base" in name):
        return "default"  # a base model has never seen the tokens of a chat template
    return next((template for part, template in _TEMPLATES if part in name), "default")


def _remarks(values: Values) -> list[str]:
    name, data = _name_of(values.get(DATASET, "")), values.get(DATASET)
    described = f"describes: {data}, called {name}" if data and name != data else "describes"
    return [
        f"dataset is a name that dataset_info.json {described}",
        "template has to fit the model",
    ]


WRITER: Final = Writer(
    name="llamafactory",
    title="LLaMA-Factory",
    template="llamafactory.yaml.j2",
    methods=("sft", "pretrain", "dpo", "ipo", "orpo", "simpo", "kto", "reward"),
    entries=_entries,
    remarks=_remarks,
)
