"""Plain files that hold what a user sees; ``UPDATE_SNAPSHOTS=1`` rewrites them."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"


def same_as(name: str, text: str) -> None:
    """Compare a text with its snapshot."""
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, f"UPDATE_SNAPSHOTS=1 rewrites {path.name}"
