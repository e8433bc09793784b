"""What a script says of padding and of the end: which tokens serve for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.python_flow import argument
from lora_advisor.pattern import pattern
from lora_advisor.source.scalars import is_unknown
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Entry, Node

_NEAR: Final = 160
"""Letters before an assignment in which the condition it stands under is looked for."""
_IF_MISSING: Final = pattern(
    r"\bif\b[^\n]*(?:pad_token(?:_id)?\W*(?:is|==)\s*None|not[ (]+[\w.]*\bpad_token)[^\n]*:"
    r"[^\n:=]*(?:\n[ \t\"]*(?:\#[^\n]*|print[^\n]*|log[^\n]*)?)*$"
)
_WITHOUT_PADDING: Final = pattern(
    r"meta-llama/|mistralai/(?:Mistral-7B|Mixtral)|openai-community/|gpt2|tiiuae/falcon-\d+b"
    r"|microsoft/phi-[12](?:_5)?$|EleutherAI/(?:gpt|pythia)|bigcode/starcoder|TinyLlama/"
)
"""Models whose tokenizer comes without a padding token (or with the end token for it)."""
_MAY_PAD: Final = "the tokenizer may have a padding token of its own"


def settle_padding(draft: Draft, call: Entry) -> None:
    """Tell a padding token that is set to the end-of-text token, by one way or another."""
    if "data.pad_is_eos" in draft.values:
        return
    if call.key.text == "set":
        for name in ("pad_token", "pad_token_id"):
            pad = argument(call, name)
            if isinstance(pad, Scalar) and pad.text.endswith(("eos_token", "eos_token_id")):
                if _happens(draft, call):
                    written = draft.written(f"set.{name}", call.value.span)
                    draft.put("data.pad_is_eos", True, written)
                else:
                    draft.unknown("data.pad_is_eos", _MAY_PAD)
                return
    adds = call.key.text == "add_special_tokens"
    given = argument(call, "special_tokens_dict") if adds else None
    pad = given.get("pad_token") if isinstance(given, Mapping) else None
    if pad is not None and _written_as(draft, pad).endswith(".eos_token"):
        path = "add_special_tokens.special_tokens_dict.pad_token"
        draft.put("data.pad_is_eos", True, draft.written(path))


def settle_end(draft: Draft, call: Entry) -> None:
    """Tell an end token that a script names for its tokenizer (``tokenizer.eos_token = …``)."""
    end = argument(call, "eos_token") if call.key.text == "set" else None
    if isinstance(end, Scalar) and not is_unknown(end) and end.text.startswith("<"):
        draft.put("data.eos_token", end.text, draft.written("set.eos_token"))


def _happens(draft: Draft, call: Entry) -> bool:
    """Whether the token is set: at once, or as it is missing from the model's own tokenizer."""
    start = call.key.span.start
    before = draft.document.text[max(0, start - _NEAR) : start]
    if _IF_MISSING.search(before) is None:
        return True
    model = draft.values.get("model.name_or_path")
    return model is not None and _WITHOUT_PADDING.match(str(model.value)) is not None


def _written_as(draft: Draft, node: Node) -> str:
    return draft.document.text[node.span.start : node.span.end]
