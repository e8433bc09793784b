"""Constants of a Python program as nodes of the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.source.tree import Node, Span


def constant(value: object, span: Span) -> Node | None:
    """Return the node of a plain Python constant."""
    if isinstance(value, str):
        return Scalar(text=value, plain=False, span=span)
    if value is None or isinstance(value, (bool, int, float)):
        return Scalar(text=repr(value), plain=True, span=span)
    return None


def converted(name: str, value: object, span: Span) -> Node | None:
    """Return the node of ``int(value)`` and its like, None where that is no constant."""
    kinds: dict[str, Callable[[Any], object]] = {"int": int, "float": float, "str": str}
    if name not in kinds or not isinstance(value, (str, int, float)):
        return None
    try:
        return constant(kinds[name](value), span)
    except (ValueError, OverflowError):
        return None
