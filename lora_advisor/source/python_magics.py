"""Lines that only IPython reads, in notebooks and in scripts that were saved from one."""

from __future__ import annotations

import ast
import re
from typing import Final

_MAGIC: Final = re.compile(r"^(?P<indent>[ \t]*)[!%](?:\\\n|[^\n])*", re.MULTILINE)
_NOT_NEWLINE: Final = re.compile(r"[^\n]")


def without_magics(program: str) -> str:
    """Blank ``!pip install`` and ``%%time``, keeping every offset."""
    return _MAGIC.sub(_blank_magic, program)


def parsed(text: str) -> ast.Module:
    """Parse a program; one that was saved from a notebook may hold lines for IPython."""
    try:
        return ast.parse(text)
    except SyntaxError:
        program = without_magics(text)
        if program == text:
            raise
        return ast.parse(program)


def _blank_magic(match: re.Match[str]) -> str:
    """Blank ``!pip install`` and ``%%time`` so that a block around it keeps a body."""
    length = len(match.group()) - len(match["indent"])
    body = "..." if length >= len("...") else "0"
    rest = match.group()[len(match["indent"]) + len(body) :]
    return match["indent"] + body + _NOT_NEWLINE.sub(" ", rest)
