"""TRL's SFTTrainer on a tiny Llama, as a recipe has it, up to the point where it would train."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import datasets
import tokenizers
import transformers
import trl

from tests.proofs import models

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

WORDS = ["the", "cat", "sat", "on", "a", "mat"]


def tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Return a tokenizer of a few words and its special tokens."""
    specials = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    words = [*specials.values(), *WORDS]
    vocabulary = {word: index for index, word in enumerate(words)}
    fast = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, specials["unk_token"]))
    fast.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=fast, **specials)


def trainer(recipe: Recipe, model: Any = None) -> Any:
    """Build the trainer with the recipe's data options and adapter."""
    data = models.stated(recipe, "data")
    options = {name: data[name] for name in _OPTIONS if name in data}
    rows = datasets.Dataset.from_dict({"text": [" ".join(WORDS)] * 8})
    steps = recipe["train.max_steps"].value
    with tempfile.TemporaryDirectory() as folder:
        arguments = trl.SFTConfig(
            output_dir=folder,
            use_cpu=True,
            bf16=False,
            max_steps=steps if isinstance(steps, int) else -1,
            report_to="none",
            **options,
        )
        return trl.SFTTrainer(
            model=model or models.llama(),
            args=arguments,
            processing_class=tokenizer(),
            train_dataset=rows.to_iterable_dataset() if data.get("streaming") else rows,
            peft_config=models.lora_config(recipe),
        )


_OPTIONS = ("max_length", "packing", "packing_strategy", "padding_free")
