"""Targets that PEFT takes for a model type when the config names none.

Source: ``TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING`` (peft/utils/constants.py), 0.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_QV: Final = ("q_proj", "v_proj")
_BERT: Final = ("query", "value")
_FUSED: Final = ("query_key_value",)

DEFAULT_TARGETS: Final[Mapping[str, tuple[str, ...] | str]] = {
    **dict.fromkeys(
        """bart opt gptj gpt_neo llama llama4 mistral mixtral stablelm gemma gemma2 gemma3_text
        qwen2 qwen3""".split(),  # noqa: SIM905 - a list of names
        _QV,
    ),
    **dict.fromkeys(["bert", "roberta", "xlm-roberta", "electra", "layoutlm"], _BERT),
    **dict.fromkeys(
        ["bloom", "gpt_neox", "chatglm", "RefinedWebModel", "RefinedWeb", "falcon"], _FUSED
    ),
    "t5": ("q", "v"),
    "mt5": ("q", "v"),
    "gpt2": ("c_attn",),
    "gpt_bigcode": ("c_attn",),
    "blip-2": ("q", "v", *_QV),
    "deberta-v2": ("query_proj", "value_proj"),
    "deberta": ("in_proj",),
    "mpt": ("Wqkv",),
    "btlm": ("c_proj", "c_attn"),
    "codegen": ("qkv_proj",),
    "phi": (*_QV, "fc1", "fc2"),
    "gemma4": r".*language_model\..*\.(q_proj|v_proj)",
    "nemotron_h": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "rwkv": ("key", "value", "receptance", "output"),
    "rwkv7": ("r_proj", "k_proj", "v_proj", "o_proj", "key", "value"),
}
