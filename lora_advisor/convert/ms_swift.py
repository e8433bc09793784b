"""ms-swift's YAML, in the names of release 4. Source: ``swift.arguments`` of 4.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.convert.writer import (
    DATASET,
    Entry,
    Writer,
    left_out,
    of_four,
    renamed,
    spelled,
    warmup,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, object]

_TYPES: Final = {"reward": "rm"}
_PREFERENCE: Final = ("dpo", "kto", "orpo", "simpo", "cpo", "grpo", "reward")


def _method(value: object, _values: Values) -> Values:
    return {"rlhf_type": _TYPES.get(str(value), value)} if value in _PREFERENCE else {}


def _targets(value: object, _values: Values) -> Values:
    if isinstance(value, str) and value != "all-linear":
        return {"target_regex": value}
    return {"target_modules": [value] if isinstance(value, str) else value} if value else {}


def _initialisation(value: object, _values: Values) -> Values:
    if isinstance(value, bool):
        return {"init_weights": "true" if value else "false"}
    return {"init_weights": value} if value else {}


def _four(value: object, _values: Values) -> Values:
    return {"quant_method": "bnb", "quant_bits": 4} if value else {}


def _eight(value: object, values: Values) -> Values:
    only = value and not values.get("quant.load_in_4bit")
    return {"quant_method": "bnb", "quant_bits": 8} if only else {}


def _preference_only(path: str) -> Callable[[object, Values], Values]:
    return lambda value, values: (
        {path: value} if values.get("train.method") in _PREFERENCE and value is not None else {}
    )


_SPECIAL: Final[Mapping[str, Callable[[object, Values], Values]]] = {
    "lora.enabled": lambda value, _values: {"tuner_type": "lora" if value else "full"},
    "lora.target_modules": _targets,
    "lora.init_lora_weights": _initialisation,
    "lora.task_type": left_out,
    "lora.peft_type": left_out,
    "train.method": _method,
    "train.enabled": left_out,
    "train.warmup_steps": warmup,
    "train.beta": _preference_only("beta"),
    "train.loss_type": _preference_only("loss_type"),
    "train.num_generations": _preference_only("num_generations"),
    "model.dtype": renamed("torch_dtype"),
    "quant.load_in_4bit": _four,
    "quant.load_in_8bit": _eight,
    "quant.method": left_out,
    "quant.bits": left_out,
    "quant.bnb_4bit_quant_type": of_four("bnb_4bit_quant_type"),
    "quant.bnb_4bit_compute_dtype": of_four("bnb_4bit_compute_dtype"),
    "quant.bnb_4bit_use_double_quant": of_four("bnb_4bit_use_double_quant"),
    DATASET: renamed("dataset"),
}


def _entries(values: Values) -> list[Entry]:
    found = spelled(values, "ms-swift", _SPECIAL)
    if values.get("train.method") == "grpo":
        found.append(Entry(path="reward_funcs", value=["accuracy"], group="train"))
    return found


def _remarks(values: Values) -> list[str]:
    if values.get("train.method") == "grpo":
        return ["reward_funcs names what rewards a completion"]
    return []


WRITER: Final = Writer(
    name="ms-swift",
    title="ms-swift",
    template="ms_swift.yaml.j2",
    methods=("sft", "pretrain", *_PREFERENCE),
    entries=_entries,
    remarks=_remarks,
    file="{command}.yaml",
)
