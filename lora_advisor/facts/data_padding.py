"""Facts of the token that examples are padded with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import config_value
from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Model, Recipe, Train
    from lora_advisor.targets import Targets

_UNPADDED: Final = pattern(
    r"meta-llama/(?:Llama-2-\d+b(?:-chat)?-hf|(?:Meta-)?Llama-3(?:\.[12])?-\d+B(?:-Instruct)?)"
    r"|mistralai/Mistral-7B-(?:Instruct-)?v0\.[123]"
)
"""Models whose tokenizer names no padding token."""
_NAMES_TOKEN: Final = re.compile(
    r"pad_token|add_special_tokens\s*\(\s*[^)]|\[PAD\]|<pad>|DataCollator\w*\([^)]*padding=False"
)
_PADDING: Final = frozenset(
    {"DataCollatorForLanguageModeling", "DataCollatorForSeq2Seq", "DataCollatorWithPadding"}
)
_NO_PADDING: Final = frozenset(
    {"llama", "mistral", "mixtral", "qwen2", "qwen3", "gpt2", "gptj", "gpt_neo", "gpt_neox", "phi"}
)
"""Decoders whose config has no padding token unless a checkpoint states one."""
_SETS_PADDING: Final = re.compile(r"config\.pad_token(?:_id)?\b|pad_token_id\s*=")


def pads_without_token(model: Model, recipe: Recipe) -> bool:
    """Whether a script pads with a tokenizer that has no token for it, and gives it none.

    The whole script must be at hand: its tokenizer is loaded under the model's own name.
    """
    name, text = model.name_or_path, recipe.document.text
    pads = recipe["data.collator"].value in _PADDING
    loads = re.search(rf"Tokenizer(?:Fast)?\.from_pretrained\(\s*[\"']{re.escape(name)}", text)
    known = _UNPADDED.fullmatch(name) is not None and loads is not None
    return known and pads and _NAMES_TOKEN.search(text) is None


def classifies_without_padding(
    model: Model, recipe: Recipe, train: Train, modules: Lookup, targets: Targets
) -> bool:
    """Whether a decoder that classifies gets batches and no padding token in its own config.

    transformers 4.56 began to align the model with the tokenizer, TRL's RewardTrainer did at 0.22.
    Source: ``GenericForSequenceClassification.forward``; ``Trainer._align_special_tokens``.
    """
    heads = "ForSequenceClassification" in (model.auto_class or "")
    aligned = not targets.surely_hold({"transformers": "<4.56"}) or (
        "RewardTrainer" in recipe.document.text and not targets.surely_hold({"trl": "<0.22"})
    )
    if not heads or aligned or train.per_device_train_batch_size == 1:
        return False
    bare = config_value(recipe, modules, "pad_token_id") is None
    decodes = config_value(recipe, modules, "model_type") in _NO_PADDING
    return bare and decodes and _SETS_PADDING.search(recipe.document.text) is None
