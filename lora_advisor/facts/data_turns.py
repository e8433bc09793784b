"""Facts of the token that ends a turn: the chat template's, and the one a tokenizer calls its end.

Source: the templates of ``axolotl.utils.chat_templates`` and the models' tokenizer configs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._written import key_at, value_at
from lora_advisor.pattern import pattern
from lora_advisor.source.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from lora_advisor.recipe import Data, Model, Recipe

_ENDS: Final = {
    **dict.fromkeys(("chatml", "qwen_25", "qwen3", "phi_4"), "<|im_end|>"),
    **dict.fromkeys(("llama3", "llama3_2_vision"), "<|eot_id|>"),
    **dict.fromkeys(("gemma", "gemma3", "gemma3n"), "<end_of_turn>"),
    **dict.fromkeys(("phi_3", "phi_35"), "<|end|>"),
    "llama4": "<|eot|>",
}
"""Chat templates of axolotl that end a turn with a token of their own, not with ``eos_token``."""
_QWEN: Final = r"(?:Qwen|unsloth)/Qwen(?:(?:1\.5|2|2\.5)-[\d.]+B|3-[\d.]+B(?:-A\d+B)?-Base)"
_LLAMA3: Final = (
    r"(?:meta-llama|NousResearch|unsloth)/(?:Meta-)?Llama-3(?:\.[12])?-(?:1|3|8|70|405)B"
)
_SENTENCEPIECE: Final = (
    r"(?:meta-llama|NousResearch)/Llama-2-(?:7|13|70)b(?:-chat)?(?:-hf)?"
    r"|codellama/CodeLlama-\d+b(?:-\w+)?-hf"
    r"|TinyLlama/TinyLlama[-_][\w.-]+"
    r"|mistralai/(?:Mistral-7B|Mixtral-8x(?:7|22)B)(?:-Instruct)?-v0\.\d|huggyllama/llama-\d+b"
)
_GEMMA: Final = r"(?:google|unsloth)/gemma-(?:(?:2|7)b|2-(?:2|9|27)b|3-(?:1|4|12|27)b-pt)"
_GEMMA_CHAT: Final = (
    r"google/gemma-(?:(?:1\.1-)?(?:2|7)b|2-(?:2|9|27)b|3-(?:1|4|12|27)b|3n-E[24]B)-it"
)
_END_TOKENS: Final = tuple(
    (pattern(names + "(?:-bnb-4bit)?", re.IGNORECASE), token)
    for names, token in (
        (_QWEN, "<|endoftext|>"),
        (_LLAMA3, "<|end_of_text|>"),
        (f"(?:{_SENTENCEPIECE})", "</s>"),
        (f"(?:{_GEMMA}|{_GEMMA_CHAT})", "<eos>"),
    )
)
"""Models whose tokenizer is known to call this token its end; pretrained ones where they differ."""
_ITS_OWN: Final = "tokenizer_default"
_OWN_ENDS: Final = ((pattern(_GEMMA_CHAT, re.IGNORECASE), "<end_of_turn>"),)
"""Models whose own chat template ends turns with another token than their tokenizer's end."""
_CONVERSATIONS: Final = frozenset(
    {
        *("trl-lib/Capybara", "HuggingFaceH4/ultrachat_200k", "HuggingFaceH4/no_robots"),
        *("HuggingFaceTB/smoltalk", "HuggingFaceTB/smoltalk2", "open-r1/OpenR1-Math-220k"),
        *("allenai/tulu-3-sft-mixture", "HuggingFaceH4/Multilingual-Thinking"),
    }
)
"""Data sets that hold messages, which TRL puts into the tokenizer's chat template."""


def end_token(model: Model) -> str:
    """Return the token that the model's tokenizer calls its end, empty where it is not known."""
    name = model.name_or_path
    return next((token for names, token in _END_TOKENS if names.fullmatch(name)), "")


def turn_end(data: Data, model: Model) -> str:
    """Return the token that axolotl's chat template ends a turn with, empty where it is no such."""
    if data.template == _ITS_OWN:
        name = model.name_or_path
        return next((token for names, token in _OWN_ENDS if names.fullmatch(name)), "")
    return _ENDS.get(str(data.template), "")


def trains_another_end(recipe: Recipe, data: Data, model: Model) -> bool:
    """Whether axolotl looks for an end of turns that its chat template never writes.

    Source: ``axolotl.prompt_strategies.chat_template.ChatTemplateStrategy``.
    """
    turn, end = turn_end(data, model), end_token(model)
    if not turn or not end or turn == end or data.eos_token is not None:
        return False
    named = any(key_at(recipe, path) for path in ("eot_tokens", "tokenizer_config"))
    if named or value_at(recipe, "train_on_inputs") is True:
        return False
    return _plain_conversations(recipe)


def _plain_conversations(recipe: Recipe) -> bool:
    """Whether every data set is put into the file's one chat template."""
    key = key_at(recipe, "datasets")
    items = key.node.items if key is not None and isinstance(key.node, Sequence) else ()
    return bool(items) and all(
        isinstance(item, Mapping)
        and isinstance(kind := item.get("type"), Scalar)
        and kind.text == "chat_template"
        and not {"chat_template", "chat_template_jinja", "eot_tokens"} & set(item.keys())
        for item in items
    )


def is_conversation(recipe: Recipe) -> bool:
    """Whether TRL is surely given messages: a known data set, or a loss of the answers alone."""
    if value_at(recipe, "assistant_only_loss") is True:
        return True
    return value_at(recipe, "dataset_name") in _CONVERSATIONS


def of_conversations(recipe: Recipe) -> bool:
    """Whether TRL is surely given messages, by a script too that loads a known data set itself."""
    return is_conversation(recipe) or value_at(recipe, "load_dataset.path") in _CONVERSATIONS


def template_given(recipe: Recipe) -> bool:
    """Whether TRL takes its chat template from somewhere else than the model's tokenizer."""
    return key_at(recipe, "chat_template_path") is not None
