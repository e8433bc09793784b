"""Facts of chat templates and the tokens they need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.recipe import Data, Lora, Model, Recipe

_FOLDER: Final = r"(?:[./~].*/|.*/.*/)?"
"""What stands before a model's name where it lies in a folder; a hub has one ``/`` in a name."""
_LLAMA3_BASE: Final = pattern(
    rf"(?:(?:meta-llama|NousResearch|unsloth|LLM-Research)/|{_FOLDER})"
    r"(?:Meta-)?Llama-3(?:\.[12])?-(?:1|3|8|70|405)B(?:-bnb-4bit)?",
    re.IGNORECASE,
)
"""Pretrained Llama 3 models, whose header and turn tokens no pretraining has seen."""
_QWEN_BASE: Final = pattern(
    rf"(?:(?:Qwen|unsloth)/|{_FOLDER})Qwen(?:2\.5-[\d.]+B|3-[\d.]+B-Base)(?:-bnb-4bit)?",
    re.IGNORECASE,
)
"""Pretrained Qwen models; their makers say that no turn token was trained in them."""
_QWEN_TEMPLATE: Final = pattern(r"qwen[\w.]*|chatml[\w]*", re.IGNORECASE)
_LLAMA3_TEMPLATE: Final = pattern(r"llama-?3(?:[._]?[12])?(?:_chat|-instruct)?", re.IGNORECASE)
_OF_LLAMA2: Final = pattern(
    r"(?:.*/)?(?:Llama-2-\d+b(?:-chat)?(?:-hf)?|CodeLlama-\d+b(?:-Instruct|-Python)?-hf"
    r"|Mistral-7B-(?:Instruct-)?v0\.[123]|Mixtral-8x7B-(?:Instruct-)?v0\.1|vicuna-\d+b-v1\.5)",
    re.IGNORECASE,
)
"""Models with the vocabulary of Llama 2, or one much like it."""
_OF_LLAMA3: Final = pattern(
    r"(?:.*/)?(?:Meta-)?Llama-3(?:\.[123])?-\d+B(?:-Instruct)?(?:-bnb-4bit)?", re.IGNORECASE
)
_OF_GEMMA: Final = pattern(r"(?:.*/)?gemma-(?:2-)?\d+b(?:-it)?", re.IGNORECASE)
_OF_QWEN: Final = pattern(
    r"(?:.*/)?Qwen(?:1\.5|2|2\.5|3)-(?:Coder-|Math-)?[\d.]+B(?:-A\d+B)?"
    r"(?:-Base|-Chat|-Instruct|-Thinking)?(?:-\d{4})?(?:-(?:GPTQ|AWQ|bnb).*)?",
    re.IGNORECASE,
)
_WITHOUT_ROW: Final = (
    (_OF_LLAMA2, ""),
    (_OF_LLAMA3, "<|eot_id|>"),
    (_OF_GEMMA, "<end_of_turn>"),
)
"""Models with as many embeddings as tokens, and the only stop word of ``_STOPS`` they have."""
_STOPS: Final = {
    "<|eot_id|>": frozenset({"llama3", "mllama", "llava_next_llama3", "openchat-3.6"}),
    "<|eot|>": frozenset({"llama4"}),
    "<|user|>": frozenset({"chatglm3", "glm4", "glm4_moe", "glm4_7", "glm4v", "glm4_5v", "glmz1"}),
    "<end_of_turn>": frozenset({"gemma", "gemma2", "gemma3", "gemma3n", "paligemma_chat"}),
    "<turn|>": frozenset({"gemma4", "gemma4n"}),
    "<|end|>": frozenset({"phi", "phi_small", "phi4_mini", "starchat"}),
    "<|im_end|>": frozenset(
        {"chatml", "chatml_de", "dbrx", "intern2", "phi4", "qwen", "qwen3", "qwen3_nothink"}
        | {"qwen2_vl", "qwen3_vl", "qwen3_5", "smollm", "smollm2", "yi", "opencoder", "sailor"}
    ),
}
"""Stop words of LLaMA-Factory's templates (``llamafactory.data.template``)."""


def stop_outside_vocabulary(model: Model, data: Data) -> str:
    """Return the stop word of a template that has no embedding in this model, empty for none.

    It is added to the tokenizer only; the embeddings grow with ``resize_vocab``.
    """
    stop, name = _stop(data), model.name_or_path
    lacks = any(family.fullmatch(name) and own != stop for family, own in _WITHOUT_ROW)
    return stop if lacks else ""


def stop_on_spare_row(model: Model, data: Data, lora: Lora) -> str:
    """Return the stop word of a template that gets a spare row of the embeddings, empty for none.

    Qwen has more embeddings than tokens; LoRA on other layers leaves the row as it is.
    """
    stop, trained = _stop(data), bool(lora.modules_to_save)
    lacks = _OF_QWEN.fullmatch(model.name_or_path) is not None and stop != "<|im_end|>"
    return stop if lacks and not trained else ""


def _stop(data: Data) -> str:
    if data.resize_vocab:
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
