"""Facts of tokens that a script adds, and of marks that it looks for among the tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import argument, calls, takes_unread, value
from lora_advisor.facts._base import config_value
from lora_advisor.facts._script import call_item, called, in_branch, text_of
from lora_advisor.frameworks.python_flow import argument as given_to
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item
from lora_advisor.record import record, replace
from lora_advisor.source.scalars import is_unknown
from lora_advisor.source.tree import Mapping, Sequence

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Data, Recipe
    from lora_advisor.source.tree import Entry, Node

_WITHOUT_SPARE: Final = {
    "llama": (32000, 128256),
    "mistral": (32000, 32768),
    "mixtral": (32000,),
    "gpt2": (50257,),
    "falcon": (65024,),
}
"""Model types with the vocabularies whose every row has a token, and none of them a padding one."""
_PAD_ONLY: Final = ("DataCollatorForSeq2Seq", "DataCollatorWithPadding")
_OWN_TRAINER: Final = pattern(r"class \w+\([\w.]*Trainer\)|compute_loss")
_NEW: Final = pattern(r"\[PAD\]|<\|?(?:pad|PAD|padding)\|?>|\[(?:sep|SEP|CLS|MASK)\]")
_RESIZES: Final = pattern(
    r"resize_\w*embedding|add_new_tokens|smart_tokenizer|resize_model|packing\s*=\s*True"
)
_MARKS: Final = {
    "<|start_header_id|>": pattern(r"llama-?3(?:[.\d]*)"),
    "<start_of_turn>": pattern(r"gemma(?:2|-?3n?)?"),
    "<|turn>": pattern(r"gemma-?4(?:-thinking)?"),
    "<|im_start|>": pattern(
        r"chatml|qwen-?(?:2\.?5|3)(?:-instruct|-thinking)?|gemma2?_chatml|phi-4|yi-chat|lfm-2(?:\.5)?"
    ),
    "<|user|>": pattern(r"zephyr|phi-3(?:\.?5)?"),
    "<|assistant|>": pattern(r"zephyr|phi-3(?:\.?5)?"),
    "[INST]": pattern(r"mistral|llama"),
    "[/INST]": pattern(r"mistral|llama"),
    "### Response": pattern(r"alpaca"),
    "<|start|>": pattern(r"gpt-?oss"),
}
"""Tokens that a chat template of Unsloth writes, each with the templates that write it."""


@record
class StrangeMark(Item):
    """A part of a conversation that is looked for by another template's token (``mark``)."""

    mark: str
    template: str


def adds_special(data: Data) -> bool:
    """Whether a special token may be new to the model and seen in training: any but the padding."""
    return not {"pad_token"}.issuperset(data.special_tokens or ())


def beyond_embedding(recipe: Recipe, modules: Lookup) -> tuple[Item, ...]:
    """Tokens that are added to a full vocabulary while the embeddings keep their size."""
    found = [
        call_item(recipe, call, hint=token)
        for call in called(recipe, "add_special_tokens", "add_tokens")
        if (token := _new_token(call)) and not in_branch(recipe, call.key.span.start)
    ]
    if not found or _RESIZES.search(recipe.document.text):
        return ()
    kind = config_value(recipe, modules, "model_type")
    rows = config_value(recipe, modules, "vocab_size")
    full = rows in _WITHOUT_SPARE.get(str(kind), ())
    return tuple(replace(item, value=rows) for item in found) if full else ()


def _new_token(call: Entry) -> str:
    """Return a token that a call adds and no such vocabulary has, empty if there is none."""
    words = given_to(call, "special_tokens_dict") or given_to(call, "new_tokens")
    return next((word for word in _words(words) if _NEW.fullmatch(word)), "")


def _words(node: Node | None) -> list[str]:
    if isinstance(node, Mapping):
        return [word for entry in node.entries for word in _words(entry.value)]
    if isinstance(node, Sequence):
        return [text_of(part) for part in node.items]
    return [text_of(node)]


def labels_never_made(recipe: Recipe) -> bool:
    """Whether a language model's rows are tokenized in a script that speaks of no labels.

    Source: ``transformers.data.data_collator``, whose collators pad labels that are there.
    """
    text, loader = recipe.document.text, str(recipe["model.auto_class"].value)
    trainer = next(calls(recipe, "Trainer", "Seq2SeqTrainer"), None)
    pads = recipe["data.collator"].value in _PAD_ONLY
    writes = loader.endswith(("ForCausalLM", "ForSeq2SeqLM", "LMHeadModel"))
    tokenizes = ".map(" in text and "truncation" in text and "import *" not in text
    speaks = "label" in text.lower() or "text_target" in text
    own = _OWN_TRAINER.search(text) is not None
    return trainer is not None and pads and writes and tokenizes and not speaks and not own


def strange_marks(recipe: Recipe) -> tuple[StrangeMark, ...]:
    """Marks of ``train_on_responses_only`` that the tokenizer's chat template does not write."""
    templates = {
        text_of(given_to(call, "chat_template")) for call in called(recipe, "get_chat_template")
    }
    if len(templates) != 1:
        return ()
    template = templates.pop()
    found = []
    for call in calls(recipe, "train_on_responses_only"):
        for name in ("instruction_part", "response_part"):
            key = argument(recipe, call.name, name)
            if key is None or is_unknown(key.node) or takes_unread(recipe, call.name):
                continue
            mark = _mark_of_others(str(value(recipe, key)), template)
            if mark:
                found.append(
                    StrangeMark(path=key.path, at=key.key_at, mark=mark, template=template)
                )
    return tuple(found)


def _mark_of_others(text: str, template: str) -> str:
    """Return a token in a text that other templates write and this one does not."""
    known = any(names.fullmatch(template) for names in _MARKS.values())
    marks = [mark for mark in _MARKS if mark in text]
    own = any(_MARKS[mark].fullmatch(template) for mark in marks)
    return marks[0] if known and marks and not own else ""
