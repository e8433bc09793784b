"""What ends a run before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lora_advisor.cli._exits import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable


class CannotRunError(click.ClickException):
    """A run that cannot start; click prints the message."""

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        """Take a message, whose control characters must not reach the terminal."""
        from lora_advisor.reports._text import harmless  # few runs fail

        super().__init__(harmless(message))


def close_names(wanted: str, names: Iterable[str]) -> str:
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(wanted, list(names), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
