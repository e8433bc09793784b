"""What only IPython reads, in notebooks and in scripts that were saved from one."""

from __future__ import annotations

import ast
import re
import sys
from typing import Final

from lora_advisor.pattern import pattern
from lora_advisor.source.position import blank
from lora_advisor.source.python_fstrings import with_plain_fields

_MAGIC: Final = pattern(r"^(?P<indent>[ \t]*)[!%](?:\\\n|[^\n])*", re.MULTILINE)
_COMMAND: Final = pattern(
    r"^(?P<lead>[ \t]*(?:!!?|%env[ \t]+(?=\w+=)|%(?:sx|system)[ \t]))(?P<command>(?:\\\n|[^\n])*)",
    re.MULTILINE,
)
_SHELL_CELL: Final = pattern(r"\s*%%(?:bash|sh|shell|script[ \t]+(?:ba)?sh)\b[^\n]*")
_FILE_CELL: Final = pattern(r"\s*%%(?:writefile|file)[ \t]+(?:-a[ \t]+)?(?P<path>[^\n]+)")
_FROM_PYTHON: Final = pattern(r"(?<![\$\\])\{([^{}\n'\"`]+)\}")


def without_magics(program: str) -> str:
    """Blank ``!pip install`` and ``%%time``, keeping every offset."""
    return _MAGIC.sub(_blank_magic, program)


def parsed(text: str) -> tuple[ast.Module, bool]:
    """Parse a program, and tell whether it was saved from a notebook with lines for IPython."""
    try:
        return ast.parse(text), False
    except SyntaxError:
        program = without_magics(text)
        newer = with_plain_fields(program) if sys.version_info < (3, 12) else program
        if newer == text:
            raise
        return ast.parse(newer), program != text


def shell_lines(program: str) -> str:
    """Blank all but the commands that IPython hands to a shell, keeping every offset.

    ``{name}`` in such a line is a value of the program, which nobody can tell.
    """
    parts, last = [], 0
    for match in _COMMAND.finditer(program):
        start = match.start("command")
        parts.append(blank(program[last:start]))
        parts.append(_FROM_PYTHON.sub(r"`\1`", match["command"]))
        last = match.end()
    return "".join([*parts, blank(program[last:])])


def shell_cell(cell: str) -> str | None:
    """Return a ``%%bash`` cell without its first line, keeping every offset; None for others."""
    found = _SHELL_CELL.match(cell)
    return None if found is None else blank(found.group()) + cell[found.end() :]


def file_cell(cell: str) -> tuple[str, str] | None:
    """Return the name and the text of a file that a cell writes, keeping every offset."""
    found = _FILE_CELL.match(cell)
    if found is None:
        return None
    return found["path"].strip().strip("'\""), blank(found.group()) + cell[found.end() :]


def _blank_magic(match: re.Match[str]) -> str:
    """Blank ``!pip install`` and ``%%time`` so that a block around it keeps a body."""
    length = len(match.group()) - len(match["indent"])
    body = "..." if length >= len("...") else "0"
    rest = match.group()[len(match["indent"]) + len(body) :]
    return match["indent"] + body + blank(rest)
