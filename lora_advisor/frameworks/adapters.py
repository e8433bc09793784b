"""An adapter that is loaded first and trained on: its own config decides, not this file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.recipe import Lora

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_OWN: Final = tuple(
    f"lora.{name}"
    for name in Lora.__annotations__
    if name not in ("enabled", "loraplus_lr_ratio", "loraplus_lr_embedding")
)


def leave_to_adapter(draft: Draft) -> None:
    """Make every adapter field unknown that is not written where ``model.adapter`` is loaded.

    Source: ``peft.PeftModel.from_pretrained``, which builds the layers from the saved config.
    """
    adapter = draft.values.get("model.adapter")
    if adapter is None or not adapter.value:
        return
    for field in _OWN:
        value = draft.values.get(field)
        if value is None or not value.written:
            draft.unknown(field, f"the adapter of {adapter.key} brings its own")
