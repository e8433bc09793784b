"""A script with PEFT's ``LoraConfig`` and transformers' ``TrainingArguments``."""

from __future__ import annotations

from typing import Final

from lora_advisor.convert.script import entries, remarks
from lora_advisor.convert.writer import Writer

WRITER: Final = Writer(
    name="peft",
    title="PEFT with transformers",
    template="peft.py.j2",
    methods=("sft", "pretrain", "classification", "seq2seq"),
    entries=lambda values: entries(values, "TrainingArguments", unsloth=False),
    remarks=remarks,
    file="train.py",
)
