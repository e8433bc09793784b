"""How a published checkpoint's weights are stored, as far as its name speaks of it."""

from __future__ import annotations

from typing import Final

from lora_advisor.pattern import pattern

_PREQUANTISED: Final = pattern(
    r".*[-_.](awq|gptq|fp8|mxfp4|aqlm|hqq|exl2|gguf|bnb-4bit|bnb-8bit)([-_.].*)?"
)


def named_format(name: str) -> str:
    """Return the quantisation that a checkpoint's name speaks of (``awq``), empty if none."""
    found = _PREQUANTISED.fullmatch(name.lower().rstrip("/"))
    return found.group(1) if found else ""
