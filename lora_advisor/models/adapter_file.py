"""The shapes of a saved adapter's tensors, from the header of its file alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = "adapter_model.safetensors"
_LENGTH: Final = 8
_MOST: Final = 100_000_000
"""The longest header that safetensors itself takes."""


def shapes(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of each tensor in a folder's adapter, nothing where none can be read."""
    try:
        with (folder / FILE).open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH), "little")
            header = json.loads(file.read(length)) if length <= _MOST else {}
    except (OSError, ValueError, RecursionError):
        return {}
    entries = header.items() if isinstance(header, dict) else ()
    found = ((name, _shape(entry)) for name, entry in entries if name != "__metadata__")
    return {name: shape for name, shape in found if shape}


def _shape(entry: Any) -> tuple[int, ...]:
    sizes = entry.get("shape") if isinstance(entry, dict) else None
    known = isinstance(sizes, list) and all(isinstance(size, int) for size in sizes)
    return tuple(sizes) if known and sizes else ()
