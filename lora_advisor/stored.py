"""What a build found out once, so that no run has to: parts of the wheel's index."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = os.path.join(os.path.dirname(__file__), "index")  # noqa: PTH118, PTH120 - read first


def line(name: str, start: int, length: int) -> Any:
    """Return one line of a part that is stored in lines (``cards``): bytes from its start."""
    with open(os.path.join(FOLDER, f"{name}.jsonl"), "rb") as file:  # noqa: PTH118, PTH123
        file.seek(start)
        return json.loads(file.read(length))


def lines(content: Mapping[str, Any]) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """Spell a part in lines: the bytes, and where each entry begins and how long it is."""
    places: dict[str, tuple[int, int]] = {}
    spelled = bytearray()
    for name, entry in content.items():
        text = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        places[name] = (len(spelled), len(text))
        spelled += text
    return bytes(spelled), places


def part(name: str) -> Any:
    """Return a part of the index (``rules``), None in a checkout, which has none."""
    try:
        with open(os.path.join(FOLDER, f"{name}.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            return json.load(file)
    except FileNotFoundError:
        return None
