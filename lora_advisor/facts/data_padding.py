"""Facts of the token that examples are padded with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import config_value
from lora_advisor.facts._script import call_item, called, owner_of, text_of
from lora_advisor.frameworks.python_flow import argument
from lora_advisor.pattern import pattern
from lora_advisor.record import replace

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Item, Model, Recipe, Train
    from lora_advisor.targets import Targets

_UNPADDED: Final = pattern(
    r"meta-llama/(?:Llama-2-\d+b(?:-chat)?-hf|(?:Meta-)?Llama-3(?:\.[12])?-\d+B(?:-Instruct)?)"
    r"|mistralai/Mistral-7B-(?:Instruct-)?v0\.[123]"
    r"|(?:openai-community/)?gpt2(?:-medium|-large|-xl)?"
)
"""Models whose tokenizer names no padding token."""
_NAMES_TOKEN: Final = re.compile(
    r"pad_token|add_special_tokens\s*\(\s*[^)]|\[PAD\]|<pad>|DataCollator\w*\([^)]*padding=False"
)
_PADS: Final = re.compile(
    r"^[^#\n]*\bpadding\s*=\s*(?:True|[\"'](?:max_length|longest)[\"'])", re.MULTILINE
)
"""A tokenizer that is asked to pad."""
_PADDING: Final = frozenset(
    {"DataCollatorForLanguageModeling", "DataCollatorForSeq2Seq", "DataCollatorWithPadding"}
)
_NO_PADDING: Final = frozenset(
    {"llama", "mistral", "mixtral", "qwen2", "qwen3", "gpt2", "gptj", "gpt_neo", "gpt_neox", "phi"}
)
"""Decoders whose config has no padding token unless a checkpoint states one."""
_SETS_PADDING: Final = re.compile(r"config\.pad_token(?:_id)?\b|pad_token_id\s*=")


def unpadded_tokenizers(recipe: Recipe) -> tuple[Item, ...]:
    """The tokenizer of a script that pads, where it has no token for that and is given none.

    Which tokenizer pads is only sure where the script loads no other.
    """
    text = recipe.document.text
    loads = [c for c in called(recipe, "from_pretrained") if "Tokenizer" in owner_of(recipe, c)]
    pads = recipe["data.collator"].value in _PADDING or _PADS.search(text) is not None
    if len(loads) != 1 or not pads or _NAMES_TOKEN.search(text) is not None:
        return ()
    name = text_of(argument(loads[0], "pretrained_model_name_or_path"))
    item = call_item(recipe, loads[0])
    path = f"{owner_of(recipe, loads[0])}.from_pretrained.pad_token"
    return (replace(item, path=path, value=name),) if _UNPADDED.fullmatch(name) else ()


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
