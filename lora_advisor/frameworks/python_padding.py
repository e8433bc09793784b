"""What a script says of padding: that the end-of-text token serves for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Entry, Node


def settle_padding(draft: Draft, call: Entry) -> None:
    """Tell a padding token that is set to the end-of-text token, by one way or another."""
    if "data.pad_is_eos" in draft.values:
        return
    if call.key.text == "set":
        for name in ("pad_token", "pad_token_id"):
            pad = _argument(call, name)
            if isinstance(pad, Scalar) and pad.text.endswith(("eos_token", "eos_token_id")):
                draft.put("data.pad_is_eos", True, draft.written(f"set.{name}"))
                return
    adds = call.key.text == "add_special_tokens"
    given = _argument(call, "special_tokens_dict") if adds else None
    pad = given.get("pad_token") if isinstance(given, Mapping) else None
    if pad is not None and _written_as(draft, pad).endswith(".eos_token"):
        path = "add_special_tokens.special_tokens_dict.pad_token"
        draft.put("data.pad_is_eos", True, draft.written(path))


def _argument(call: Entry, name: str) -> Node | None:
    return call.value.get(name) if isinstance(call.value, Mapping) else None


def _written_as(draft: Draft, node: Node) -> str:
    return draft.document.text[node.span.start : node.span.end]
