"""Exit codes, and what ends a run before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

FOUND: Final = 1
FAILED: Final = 2


class CannotRunError(Exception):
    """A run that cannot start; the message is all the user sees of it."""

    def __init__(self, message: str) -> None:
        """Take a message, whose control characters must not reach the terminal."""
        from lora_advisor.reports._text import harmless  # noqa: PLC0415 - few runs fail

        super().__init__(harmless(message))


def close_names(wanted: str, names: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only a mistake needs it

    close = difflib.get_close_matches(wanted, list(names), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
