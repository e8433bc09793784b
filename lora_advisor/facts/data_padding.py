"""Facts of the token that examples are padded with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.recipe import Model, Recipe

_UNPADDED: Final = pattern(
    r"meta-llama/(?:Llama-2-\d+b(?:-chat)?-hf|(?:Meta-)?Llama-3(?:\.[12])?-\d+B(?:-Instruct)?)"
    r"|mistralai/Mistral-7B-(?:Instruct-)?v0\.[123]"
)
"""Models whose tokenizer names no padding token."""
_NAMES_TOKEN: Final = re.compile(r"pad_token|add_special_tokens\s*\(\s*[^)]|\[PAD\]|<pad>")
_PADDING: Final = frozenset(
    {"DataCollatorForLanguageModeling", "DataCollatorForSeq2Seq", "DataCollatorWithPadding"}
)


def pads_without_token(model: Model, recipe: Recipe) -> bool:
    """Whether a script pads with a tokenizer that has no token for it, and gives it none.

    The whole script must be at hand: its tokenizer is loaded under the model's own name.
    """
    name, text = model.name_or_path, recipe.document.text
    pads = recipe["data.collator"].value in _PADDING
    loads = re.search(rf"Tokenizer(?:Fast)?\.from_pretrained\(\s*[\"']{re.escape(name)}", text)
    known = _UNPADDED.fullmatch(name) is not None and loads is not None
    return known and pads and _NAMES_TOKEN.search(text) is None
