"""What a build found out once, so that no run has to: parts of the wheel's index."""

from __future__ import annotations

import json
import os
from typing import Any, Final

FOLDER: Final = os.path.join(os.path.dirname(__file__), "index")  # noqa: PTH118, PTH120 - read first


def part(name: str) -> Any:
    """Return a part of the index (``rules``), None in a checkout, which has none."""
    try:
        with open(os.path.join(FOLDER, f"{name}.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            return json.load(file)
    except FileNotFoundError:
        return None
