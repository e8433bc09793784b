"""What a script says of its data: padding by the end-of-text token, and streaming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.scalars import is_unknown, python_value
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Entry, Node

_COLLECTED: Final = pattern(r"\.take\(|from_generator|from_list|from_dict|list\(|max_steps")
"""Signs that a stream is made a table, or that its length is set elsewhere."""


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


def settle_streaming(draft: Draft, calls: Sequence[Entry]) -> None:
    """Tell that the one data set of a script is streamed into its trainer."""
    loads = [call for call in calls if call.key.text == "load_dataset"]
    given = _argument(loads[0], "streaming") if len(loads) == 1 else None
    if not isinstance(given, Scalar) or is_unknown(given) or python_value(given) is not True:
        return
    if _COLLECTED.search(draft.document.text) is None:
        draft.put("data.streaming", True, draft.written("load_dataset.streaming"))


def _argument(call: Entry, name: str) -> Node | None:
    return call.value.get(name) if isinstance(call.value, Mapping) else None


def _written_as(draft: Draft, node: Node) -> str:
    return draft.document.text[node.span.start : node.span.end]
