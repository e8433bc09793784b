"""Reads plain command lines: what is a question or a mistake is left to click.

Importing click costs as much as checking a file, and most command lines are plain.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.cli._table import Option


def read(words: Sequence[str], table: Sequence[Option]) -> tuple[list[Path], dict[str, Any]] | None:
    """Split a plain command line into paths and options; None: click must look at it."""
    by_name = {name: option for option in table for name in option.names}
    values = {option.parameter: option.unset for option in by_name.values()}
    if any(option.variable in os.environ for option in by_name.values() if option.variable):
        return None
    paths: list[Path] = []
    left = iter(words)
    for word in left:
        if not word.startswith("-") or word == "-":
            paths.append(Path(word))
            continue
        name, _, given = word.partition("=")
        option = by_name.get(name)
        if option is None or (option.kind == "flag" and word != name):
            return None
        text = given if option.kind == "flag" or word != name else next(left, "")
        if not _fits(option, text):
            return None
        values[option.parameter] = _value(option, text, values[option.parameter])
    return paths, values


def _fits(option: Option, text: str) -> bool:
    """Whether a text is surely what an option takes."""
    if option.kind == "flag":
        return True
    if not text or text.startswith("-"):
        return False
    if option.kind == "choice":
        return text in option.choices
    if option.kind == "count":
        return text.isascii() and text.isdecimal() and int(text) > 0
    if option.kind in ("path", "file", "folder"):
        return _is_there(option.kind, text)
    return True


def _is_there(kind: str, text: str) -> bool:
    if kind == "path" and not os.path.lexists(text):
        return True
    right = os.path.isdir if kind == "folder" else os.path.isfile
    return right(text) and os.access(text, os.R_OK)


def _value(option: Option, text: str, before: object) -> object:
    if option.kind == "flag":
        return True
    if option.kind == "texts" and isinstance(before, tuple):
        return (*before, text)
    if option.kind in ("path", "file", "folder"):
        return Path(text)
    return int(text) if option.kind == "count" else text
