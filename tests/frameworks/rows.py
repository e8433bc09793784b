"""Rows of what must be read from a text: the wanted fields of each recipe, unknown as ``?``.

A field goes without its group's name where that is plain.
"""

from __future__ import annotations

from lora_advisor import frameworks
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source import parse

Wanted = list[dict[str, object]]
Row = tuple[str, Wanted]

SHORT = {
    "model": "model.name_or_path", "on": "lora.enabled", "r": "lora.r",
    "alpha": "lora.lora_alpha", "targets": "lora.target_modules", "dropout": "lora.lora_dropout",
    "four": "quant.load_in_4bit", "type": "quant.bnb_4bit_quant_type", "method": "train.method",
    "lr": "train.learning_rate", "batch": "train.per_device_train_batch_size",
    "steps": "train.max_steps", "epochs": "train.num_train_epochs", "trains": "train.enabled",
    "accumulation": "train.gradient_accumulation_steps", "length": "data.max_length",
    "init": "lora.init_lora_weights", "bf16": "train.bf16", "processes": "run.num_processes",
    "checkpointing": "train.gradient_checkpointing",
}  # fmt: skip


def recipes(text: str, path: str, wanted: Wanted) -> Wanted:
    """Return the wanted fields of every recipe of a file, unknown as ``?``."""
    found = frameworks.read(parse(text, path))
    if len(found) != len(wanted):
        return [{"recipes": len(found)}]
    return [
        {name: _shown(one[SHORT.get(name, name)].value) for name in fields}
        for one, fields in zip(found, wanted, strict=True)
    ]


def _shown(value: object) -> object:
    return "?" if value is UNKNOWN else value
