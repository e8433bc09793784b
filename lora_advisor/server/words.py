"""Words that the value of a field may be, as the libraries name them."""

from __future__ import annotations

from typing import Final

from lora_advisor.facts.train_optimizer import OPTIMIZERS
from lora_advisor.facts.train_schedule import SCHEDULERS
from lora_advisor.recipe import FIELDS

_DTYPES: Final = ("bfloat16", "float16", "float32")
_WHEN: Final = ("no", "steps", "epoch")
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "lora.bias": ("none", "all", "lora_only"),
    "lora.init_lora_weights": (
        *("true", "gaussian", "pissa", "pissa_niter_16", "olora", "eva", "corda", "loftq"),
        "orthogonal",
    ),
    "lora.task_type": (
        *("CAUSAL_LM", "SEQ_2_SEQ_LM", "SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"),
        "FEATURE_EXTRACTION",
    ),
    "lora.target_modules": ("all-linear",),
    "train.optim": tuple(sorted(OPTIMIZERS)),
    "train.lr_scheduler_type": tuple(SCHEDULERS),
    "train.eval_strategy": _WHEN,
    "train.save_strategy": (*_WHEN, "best"),
    "quant.bnb_4bit_quant_type": ("nf4", "fp4"),
    "quant.bnb_4bit_compute_dtype": _DTYPES,
    "quant.bnb_4bit_quant_storage": _DTYPES,
    "model.dtype": ("auto", *_DTYPES),
    "model.attn_implementation": (
        *("sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"),
    ),
}
"""Sources: ``peft.LoraConfig``, ``peft.utils.TaskType``, ``transformers.TrainingArguments``."""


def words(field: str) -> tuple[str, ...]:
    """Return the words for a canonical field; true and false for a switch, else none."""
    if FIELDS.get(field, "").startswith("bool") and field not in _WORDS:
        return ("true", "false")
    return _WORDS.get(field, ())
