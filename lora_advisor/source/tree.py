"""A config file as a tree: every key and value with the place where it is written."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple, TypeAlias

from lora_advisor.record import record
from lora_advisor.source.position import line_starts


class Span(NamedTuple):
    """A stretch of text: character offsets, the end exclusive."""

    start: int
    end: int


@record
class Scalar:
    """One value as it is spelled.

    ``text`` is the content without quotes and escapes; ``plain`` says that no quotes were there,
    so that a number, a boolean or null may be meant.
    """

    text: str
    plain: bool
    span: Span
    tag: str | None = None


@record
class Entry:
    """A key and its value; ``merged`` when it came in through a YAML merge key."""

    key: Scalar
    value: Node
    merged: bool = False


@record
class Mapping:
    """Keys and values in the order of the text; keys written twice are both there."""

    entries: tuple[Entry, ...]
    span: Span

    def entry(self, name: str) -> Entry | None:
        """Return the entry that a loader would keep: written over merged, the last one."""
        found = None
        for entry in self.entries:
            if entry.key.text == name and (found is None or not entry.merged):
                found = entry
        return found

    def get(self, name: str) -> Node | None:
        """Return the value of a key, None where it is missing."""
        entry = self.entry(name)
        return entry.value if entry is not None else None

    def keys(self) -> list[str]:
        """Return every key once, in order."""
        return list(dict.fromkeys(entry.key.text for entry in self.entries))

    def __contains__(self, name: object) -> bool:
        return any(entry.key.text == name for entry in self.entries)


@record
class Sequence:
    """Items in order."""

    items: tuple[Node, ...]
    span: Span


Node: TypeAlias = Scalar | Mapping | Sequence


@record
class Comment:
    """A comment: its text after the ``#``; the span starts at the ``#``."""

    text: str
    span: Span


class Place(NamedTuple):
    """Lines and columns of a span, from 1; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@record
class Text:
    """One file as it is written, and where in it characters stand."""

    path: str
    text: str
    format: str

    def place(self, span: Span) -> Place:
        """Turn character offsets into lines and columns."""
        line, column = self._position(span.start)
        end_line, end_column = self._position(max(span.end, span.start))
        return Place(line=line, column=column, end_line=end_line, end_column=end_column)

    def offset(self, line: int, column: int) -> int:
        """Turn a line and column, from 1, into a character offset."""
        return self._line_starts[line - 1] + column - 1

    def line(self, number: int) -> str:
        """Return a line of the text, from 1, without its line end."""
        starts = self._line_starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    @cached_property
    def _line_starts(self) -> list[int]:
        return line_starts(self.text)

    def _position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1


@record
class Document(Text):
    """One file: its text and its trees (several for a multi-document YAML file).

    ``parts`` are what a notebook holds besides its program: commands for a shell, and files that
    its cells write. Their places are those of the whole file.
    """

    roots: tuple[Node, ...]
    comments: tuple[Comment, ...] = ()
    parts: tuple[Document, ...] = ()

    @property
    def root(self) -> Node | None:
        """The first tree, None in a file without any."""
        return self.roots[0] if self.roots else None

    def bare(self) -> Text:
        """Return the file without its trees, which are many times as large."""
        return Text(path=self.path, text=self.text, format=self.format)
