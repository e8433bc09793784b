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
_LLAMA3_TEMPLATE: Final = pattern(r"llama-?3(?:[._]?[12])?(?:_chat|-instruct)?", re.IGNORECASE)


def untrained_turn_tokens(model: Model, data: Data, lora: Lora) -> bool:
    """Whether Llama 3's chat template is put on a pretrained Llama 3 with frozen embeddings."""
    base = _LLAMA3_BASE.fullmatch(model.name_or_path) is not None
    template = isinstance(data.template, str) and _LLAMA3_TEMPLATE.fullmatch(data.template)
    frozen = not lora.modules_to_save and not lora.trainable_token_indices
    targets = lora.target_modules
    embedded = isinstance(targets, list) and "embed_tokens" in targets
    return base and bool(template) and frozen and not embedded
