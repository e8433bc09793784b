"""Text for terminals: harmless characters, widths in cells, wrapped lines, colours."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from lora_advisor.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Paint = Callable[..., str]

COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
TAB: Final = "    "
_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")


def harmless(text: str) -> str:
    """Make control and direction characters visible: a file must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\t":
        return TAB
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in "\n\u200d":
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


def cells(text: str) -> int:
    """Return how many terminal cells a text takes: East Asian wide characters take two."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def padded(text: str, width: int) -> str:
    """Fill a text with blanks up to a width in terminal cells."""
    return text + " " * max(width - cells(text), 0)


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Shorten a text to a number of cells, with an ellipsis where something is missing."""
    if cells(text) <= width:
        return text
    text = text[: max(width - 1, 0)]
    while text and cells(text) > width - 1:
        text = text[:-1]
    return f"{text}…" if width > 0 else ""


def wrap(text: str, width: int, first: str = "", rest: str | None = None) -> str:
    """Fill lines of ``width`` cells, the first and the further ones with their prefixes.

    Blank lines and indented lines stay as they are; a word longer than a line is left whole.
    """
    rest = " " * cells(first) if rest is None else rest
    lines: list[str] = []
    for paragraph in _paragraphs(text):
        prefix = rest if lines else first
        verbatim = paragraph.startswith(" ")
        lines += [prefix + paragraph] if verbatim else _filled(paragraph, width, prefix, rest)
    return "\n".join(line.rstrip() for line in lines)


def _paragraphs(text: str) -> list[str]:
    """Join lines that run on; an empty or indented line stands for itself."""
    found: list[str] = []
    runs_on = False
    for line in text.strip("\n").split("\n"):
        plain = bool(line.strip()) and not line.startswith((" ", "- "))
        if plain and runs_on:
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.rstrip())
        runs_on = plain or line.startswith("- ")
    return found or [""]


def _filled(paragraph: str, width: int, first: str, rest: str) -> list[str]:
    lines = [first]
    empty = True
    for word in paragraph.split():
        if not empty and cells(lines[-1]) + 1 + cells(word) > width:
            lines.append(rest)
            empty = True
        lines[-1] += word if empty else f" {word}"
        empty = False
    return lines


def painter(*, colour: bool) -> Paint:
    """Return what colours a text (``click.style``), or leaves it as it is."""
    if not colour:
        return lambda text, **_: str(text)
    from click import style  # only a coloured report needs it

    return style


def plural(count: int, noun: str) -> str:
    """Spell a number of things: ``1 file``, ``3 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(items: Iterable[str], limit: int) -> str:
    """Join the first items with commas and count the others."""
    names = list(items)
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")
