"""Where the nodes of a Python program stand in its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_advisor.source.position import line_starts
from lora_advisor.source.tree import Span

if TYPE_CHECKING:
    import ast


class Places:
    """The lines of one program; ast counts columns in bytes of UTF-8, a span in characters."""

    def __init__(self, text: str) -> None:
        self._starts = line_starts(text)
        self._lines = text.splitlines(keepends=True) if not text.isascii() else []

    def span(self, node: ast.AST) -> Span:
        """Return the stretch of a node, an empty one where it has no place in the text."""
        at: Any = node
        try:
            line, column, end_line, end = at.lineno, at.col_offset, at.end_lineno, at.end_col_offset
        except AttributeError:  # a node without a place, or one that was made here
            return Span(0, 0)
        if not self._lines:
            return Span(self._starts[line - 1] + column, self._starts[end_line - 1] + end)
        return Span(self._offset(line, column), self._offset(end_line, end))

    def _offset(self, line: int, column: int) -> int:
        """Turn a line and a column of ast into a character offset."""
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        if not text.isascii():
            column = len(text.encode()[:column].decode("utf-8", "ignore"))
        return self._starts[line - 1] + column
