"""Facts of chat templates and the tokens they need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.recipe import Data, Lora, Model

_LLAMA3_BASE: Final = pattern(
    r"(?:meta-llama|NousResearch|unsloth)/(?:Meta-)?Llama-3(?:\.[12])?-(?:1|3|8|70|405)B(?:-bnb-4bit)?",
    re.IGNORECASE,
)
"""Pretrained Llama 3 models, whose header and turn tokens no pretraining has seen."""
_QWEN_BASE: Final = pattern(
    r"(?:Qwen|unsloth)/Qwen(?:2\.5-[\d.]+B|3-[\d.]+B-Base)(?:-bnb-4bit)?", re.IGNORECASE
)
"""Pretrained Qwen models; their makers say that no turn token was trained in them."""
_QWEN_TEMPLATE: Final = pattern(r"qwen[\w.]*|chatml[\w]*", re.IGNORECASE)
_LLAMA3_TEMPLATE: Final = pattern(r"llama-?3(?:[._]?[12])?(?:_chat|-instruct)?", re.IGNORECASE)


def untrained_turn_tokens(model: Model, data: Data, lora: Lora) -> bool:
    """Whether a family's chat template is put on its pretrained model with frozen embeddings."""
    families = ((_LLAMA3_BASE, _LLAMA3_TEMPLATE), (_QWEN_BASE, _QWEN_TEMPLATE))
    met = any(
        base.fullmatch(model.name_or_path) and template.fullmatch(str(data.template))
        for base, template in families
    )
    frozen = not lora.modules_to_save and not lora.trainable_token_indices
    targets = lora.target_modules
    embedded = isinstance(targets, list) and "embed_tokens" in targets
    return met and frozen and not embedded
