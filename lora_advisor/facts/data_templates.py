"""Facts of chat templates and the tokens they need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.recipe import Data, Lora, Model, Recipe

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
_OF_LLAMA2: Final = pattern(
    r"(?:.*/)?(?:Llama-2-\d+b(?:-chat)?(?:-hf)?|CodeLlama-\d+b(?:-Instruct|-Python)?-hf"
    r"|Mistral-7B-(?:Instruct-)?v0\.[123]|Mixtral-8x7B-(?:Instruct-)?v0\.1|vicuna-\d+b-v1\.5)",
    re.IGNORECASE,
)
"""Models with the vocabulary of Llama 2, or one much like it, and no row to spare."""
_STOPS: Final = {
    "<|eot_id|>": frozenset({"llama3", "mllama", "llava_next_llama3"}),
    "<|user|>": frozenset({"chatglm3", "glm4", "glm4_moe", "glmz1"}),
    "<end_of_turn>": frozenset({"gemma", "gemma2", "gemma3", "gemma3n"}),
    "<|end|>": frozenset({"phi", "phi_small", "phi4_mini", "starchat"}),
    "<|im_end|>": frozenset(
        {"chatml", "chatml_de", "dbrx", "intern2", "phi4", "qwen", "qwen3", "qwen3_nothink"}
        | {"qwen2_vl", "smollm", "smollm2", "yi", "opencoder", "sailor"}
    ),
}
"""Stop words of LLaMA-Factory's templates (``llamafactory.data.template``)."""


def stop_outside_vocabulary(model: Model, data: Data) -> str:
    """Return the stop word of a template that this model's vocabulary lacks, empty for none.

    It is added to the tokenizer only; the embeddings grow with ``resize_vocab``.
    """
    if data.resize_vocab or not _OF_LLAMA2.fullmatch(model.name_or_path):
        return ""
    return next((stop for stop, names in _STOPS.items() if data.template in names), "")


def untrained_turn_tokens(model: Model, data: Data, lora: Lora, recipe: Recipe) -> bool:
    """Whether a family's chat template, or its end, is put on its pretrained model as it is.

    That is: with frozen embeddings, so that the tokens stay what they are.
    """
    families = (
        (_LLAMA3_BASE, _LLAMA3_TEMPLATE, "<|eot_id|>"),
        (_QWEN_BASE, _QWEN_TEMPLATE, "<|im_end|>"),
    )
    own_end = end_of_script(recipe)
    met = any(
        base.fullmatch(model.name_or_path)
        and (own_end == end if own_end else template.fullmatch(str(data.template)))
        for base, template, end in families
    )
    frozen = not lora.modules_to_save and not lora.trainable_token_indices
    targets = lora.target_modules
    embedded = isinstance(targets, list) and "embed_tokens" in targets
    return met and frozen and not embedded


def end_of_script(recipe: Recipe) -> str:
    """Return the token that a script makes the tokenizer's end by itself, empty for none."""
    value = recipe["data.eos_token"]
    made = value.key == "set.eos_token" and isinstance(value.value, str)
    return str(value.value) if made else ""
