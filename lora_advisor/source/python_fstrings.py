"""Formatted strings that only Python 3.12 reads, made readable for older releases."""

from __future__ import annotations

from typing import Final

from lora_advisor.pattern import pattern

_START: Final = pattern(
    r"#[^\n]*|(?<![A-Za-z0-9_])(?P<prefix>[A-Za-z]{0,2})(?P<quote>'''|\"\"\"|'|\")"
)
_EMPTY: Final = "{_"


def with_plain_fields(program: str) -> str:
    """Blank the fields of f-strings in which their own quotes stand, keeping every offset.

    ``f"{record["name"]}"`` becomes a field with a name that nobody knows, so its value is unknown.
    """
    parts: list[str] = []
    last = position = 0
    while (match := _START.search(program, position)) is not None:
        if match["quote"] is None:
            position = match.end()
            continue
        formatted = "f" in match["prefix"].lower()
        position, fields = _string(program, match.end(), match["quote"], formatted=formatted)
        for start, end in fields:
            inner = program[start + 1 : end - 1]
            if (match["quote"] in inner or "\\" in inner) and "\n" not in inner:
                parts += [program[last:start], _EMPTY.ljust(end - start - 1), "}"]
                last = end
    return "".join([*parts, program[last:]])


def _string(
    program: str, position: int, quote: str, *, formatted: bool
) -> tuple[int, list[tuple[int, int]]]:
    """Return where a string ends, and where its fields stand (with their braces)."""
    fields: list[tuple[int, int]] = []
    while position < len(program):
        letter = program[position]
        if program.startswith(quote, position):
            return position + len(quote), fields
        if letter == "\\":
            position += 2
        elif len(quote) == 1 and letter == "\n":
            return position, fields  # an unfinished string: the parser will tell
        elif formatted and letter == "{" and program[position + 1 : position + 2] != "{":
            end = _field(program, position + 1)
            fields.append((position, end))
            position = end
        else:
            position += 2 if program[position : position + 2] in ("{{", "}}") else 1
    return position, fields


def _field(program: str, position: int) -> int:
    """Return where a field ends, behind its closing brace."""
    depth = 1
    while position < len(program) and depth:
        letter = program[position]
        if letter in "'\"":
            quote = letter * 3 if program.startswith(letter * 3, position) else letter
            inner = program[position - 1 : position].lower() == "f"
            position, _ = _string(program, position + len(quote), quote, formatted=inner)
            continue
        depth += (letter in "{[(") - (letter in "}])")
        position += 1
    return position
