"""Who speaks: the program's name, version and address, for formats that state them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Final

NAME: Final = "lora-advisor"
ADDRESS: Final = "https://github.com/lora-advisor/lora-advisor"


def version() -> str:
    """Return the installed version; a checkout that is not installed has none."""
    try:
        return installed(NAME)
    except PackageNotFoundError:
        return "0+unknown"
