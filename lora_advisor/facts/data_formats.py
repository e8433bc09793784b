"""Facts of packing and streaming where a format has conditions of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import in_script, item
from lora_advisor.facts._written import key_at, value_at
from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.recipe import Data, Item, Model, Recipe

_WITHOUT_LENGTH_BEFORE: Final = pattern(
    r"torchtune\.models\.(?:llama2\.llama2|llama3\.llama3|mistral\.mistral|gemma\.gemma|phi3\.phi3_mini)"
    r"_tokenizer"
)
_WITHOUT_LENGTH: Final = pattern(
    r"torchtune\.datasets\.(?:alpaca|alpaca_cleaned|chat|grammar|hh_rlhf_helpful|instruct|preference"
    r"|samsum|slimorca|stack_exchange_paired|text_completion)_dataset"
)
"""Data sets of torchtune that hand what they do not know on to ``datasets.load_dataset``."""


def packs_with_other_attention(data: Data, model: Model) -> bool:
    """Whether ms-swift packs, or leaves padding out, without flash attention (``attn_impl``)."""
    flash = ("flash_attention_2", "flash_attention_3", "flash_attention_4")
    return (data.packing or data.padding_free) and model.attn_implementation not in flash


def packs_to_no_length(recipe: Recipe, data: Data) -> bool:
    """Whether torchtune packs while its tokenizer, which is there, states no length."""
    return data.packing and value_at(recipe, "tokenizer") is not None and data.max_length is None


def length_in_dataset(recipe: Recipe) -> tuple[Item, ...]:
    """The length that a data set of torchtune is given, which is the tokenizer's to know."""
    path = "dataset.max_seq_len"
    key = key_at(recipe, path)
    named = value_at(recipe, "dataset._component_")
    if key is None or not isinstance(named, str) or not _WITHOUT_LENGTH.fullmatch(named):
        return ()
    length = value_at(recipe, path)
    return (item(key, length),) if length is not None else ()


def length_in_older_tokenizer(recipe: Recipe) -> tuple[Item, ...]:
    """The length that a tokenizer of torchtune before 0.3 is given, which takes none.

    Source: ``torchtune/models/*/_model_builders.py`` of release 0.2.1.
    """
    key = key_at(recipe, "tokenizer.max_seq_len")
    named = value_at(recipe, "tokenizer._component_")
    older = isinstance(named, str) and _WITHOUT_LENGTH_BEFORE.fullmatch(named) is not None
    return (item(key),) if key is not None and older else ()


def trains_on_stream(recipe: Recipe, data: Data) -> bool:
    """Whether what is trained on is streamed: in a script, all that is loaded and none of it drawn.

    A data set that is made of a stream's first examples (``Dataset.from_list``) has a length.
    """
    text = recipe.document.text
    whole = text.count("load_dataset(") == text.count("streaming=True")
    return data.streaming and (not in_script(recipe) or (whole and "Dataset.from_" not in text))
