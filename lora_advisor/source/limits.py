"""Bounds that keep a hostile file from taking the interpreter down."""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 5_000_000
MAX_DEPTH: Final = 100
MAX_NODES: Final = 200_000
