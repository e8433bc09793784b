"""Character offsets, lines and columns of a text; LF, CR LF and a lone CR end a line."""

from __future__ import annotations

from operator import methodcaller
from typing import Final

from lora_advisor.pattern import pattern

_NOT_NEWLINE: Final = pattern(r"[^\n]")
_LINE_END: Final = pattern(r"\r\n?|\n")
_END: Final = methodcaller("end")


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line begins; the first is 0."""
    return [0, *map(_END, _LINE_END.finditer(text))]


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset, both from 1."""
    starts = line_starts(text[:offset])
    # an offset between \r and \n still belongs to the line that they end
    if text[offset - 1 : offset + 1] == "\r\n":
        starts.pop()
    return len(starts), offset - starts[-1] + 1


def blank(text: str) -> str:
    """Replace everything but line ends by blanks, so that offsets and lines stay."""
    return _NOT_NEWLINE.sub(" ", text)
