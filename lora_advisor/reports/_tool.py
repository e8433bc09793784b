"""Who speaks: the program's name, version and address, for formats that state them."""

from __future__ import annotations

from typing import Final

from lora_advisor import __version__

NAME: Final = "lora-advisor"
ADDRESS: Final = "https://github.com/lora-advisor/lora-advisor"


def version() -> str:
    """Return this program's version."""
    return __version__
