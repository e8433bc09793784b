"""A script with unsloth's ``FastLanguageModel`` and TRL's trainers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.convert.script import entries, remarks
from lora_advisor.convert.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.convert.writer import Entry

CONFIGS: Final = {
    "sft": "SFTConfig",
    "dpo": "DPOConfig",
    "grpo": "GRPOConfig",
    "kto": "KTOConfig",
    "reward": "RewardConfig",
}


def _entries(values: Mapping[str, object]) -> list[Entry]:
    config = CONFIGS[str(values.get("train.method") or "sft")]
    return entries(values, config, unsloth=True)


WRITER: Final = Writer(
    name="unsloth",
    title="unsloth",
    template="unsloth.py.j2",
    methods=("sft", "dpo", "grpo", "kto"),
    entries=_entries,
    remarks=remarks,
    file="train.py",
    needs=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
)
