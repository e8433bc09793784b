"""Exit codes, and what ends a run that cannot start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lora_advisor.cli._errors import CannotRunError

FOUND: Final = 1
FAILED: Final = 2


def refusal(message: str) -> CannotRunError:
    """Return the error that says so; click comes in to print it."""
    from lora_advisor.cli._errors import CannotRunError  # most runs do without

    return CannotRunError(message)
