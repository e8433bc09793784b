"""axolotl's YAML. Source: ``axolotl.utils.schemas`` of 0.21, as read by its reader here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.convert.writer import DATASET, Entry, Writer, file_kind, left_out, spelled, warmup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, object]

_TYPES: Final = {
    "dpo": "chat_template.default",
    "orpo": "chat_template.argilla",
    "kto": "llama3.argilla",
}


def _adapter(value: object, values: Values) -> Values:
    if not value:
        return {}
    return {"adapter": "qlora" if values.get("quant.load_in_4bit") is True else "lora"}


def _targets(value: object, _values: Values) -> Values:
    if value == "all-linear":
        return {"lora_target_linear": True}
    return {"lora_target_modules": value} if value else {}


def _initialisation(value: object, _values: Values) -> Values:
    """Leave the usual initialisation unsaid: axolotl passes on what is true."""
    return {} if value in (True, False, None) else {"peft_init_lora_weights": value}


def _method(value: object, _values: Values) -> Values:
    """Name the method; axolotl refuses KTO while unused columns may be removed."""
    if value == "kto":
        return {"rl": value, "remove_unused_columns": False}
    if value in ("dpo", "ipo", "orpo", "simpo", "grpo"):
        return {"rl": value}
    return {"reward_model": True} if value == "reward" else {}


def _beta(value: object, values: Values) -> Values:
    keys = {"grpo": "trl.beta", "orpo": "orpo_alpha"}
    method = str(values.get("train.method"))
    return {keys.get(method, "rl_beta"): value} if method not in ("sft", "reward") else {}


def _loss(value: object, values: Values) -> Values:
    method = values.get("train.method")
    if method == "dpo":
        names = value if isinstance(value, list) else [value]
        return {} if names == ["sigmoid"] else {"dpo_loss_type": names}
    return {"trl.loss_type": value} if method == "grpo" else {}


def _sharding(value: object, values: Values) -> Values:
    """Write the block that asks for FSDP2, the only one since axolotl 0.21."""
    told = values.get("run.fsdp_config") or not value
    return {} if told else {"fsdp_config": {"reshard_after_forward": True}}


def _dataset(value: object, values: Values) -> Values:
    kind = _TYPES.get(str(values.get("train.method")), "chat_template")
    local = {"ds_type": file_kind(value)} if file_kind(value) else {}
    return {"datasets": [{"path": value, **local, "type": kind}]}


_SPECIAL: Final[Mapping[str, Callable[[object, Values], Values]]] = {
    "lora.enabled": _adapter,
    "lora.target_modules": _targets,
    "lora.init_lora_weights": _initialisation,
    "lora.task_type": left_out,
    "lora.bias": left_out,
    "lora.peft_type": left_out,
    "train.method": _method,
    "train.beta": _beta,
    "train.loss_type": _loss,
    "train.warmup_steps": warmup,
    "train.enabled": left_out,
    "model.dtype": left_out,
    "quant.method": left_out,
    "run.fsdp": _sharding,
    DATASET: _dataset,
}


def _entries(values: Values) -> list[Entry]:
    found = spelled(values, "axolotl", _SPECIAL)
    if token := _padding(values):
        found.append(Entry(path="special_tokens.pad_token", value=token, group="data"))
    if values.get("train.method") == "grpo":
        rewards = ["rewards.my_reward"]
        found.append(Entry(path="trl.reward_funcs", value=rewards, group="train"))
    return found


def _padding(values: Values) -> str:
    """Return the token to pad with for models whose tokenizer axolotl finds none in: Llama 3."""
    name = str(values.get("model.name_or_path", "")).lower()
    found = re.search(r"llama-3(\.[0-9])?-[0-9]+b", name)
    if found is None or values.get("data.pad_token") or values.get("data.special_tokens"):
        return ""
    return "<|finetune_right_pad_id|>" if found[1] else "<|end_of_text|>"


def _remarks(values: Values) -> list[str]:
    told = ["the type under datasets has to fit your data"]
    if values.get("train.method") == "grpo":
        told.append("trl.reward_funcs names a function of your own")
    return told


WRITER: Final = Writer(
    name="axolotl",
    title="axolotl",
    template="axolotl.yaml.j2",
    methods=("sft", "pretrain", "dpo", "ipo", "orpo", "kto", "simpo", "grpo", "reward"),
    entries=_entries,
    remarks=_remarks,
)
