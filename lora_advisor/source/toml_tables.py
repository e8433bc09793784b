"""TOML tables while they grow: headers and dotted keys may come back to one at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lora_advisor.source.limits import MAX_DEPTH
from lora_advisor.source.tree import Entry, Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Iterable


class TooDeepError(Exception):
    """Tables nested beyond ``MAX_DEPTH``; ``start`` is the offset of the one too many."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


@dataclass(slots=True, kw_only=True)
class Table:
    """A table whose keys are still coming in; ``start`` and ``end`` grow with them."""

    start: int
    end: int
    children: dict[str, tuple[Scalar, Table | TableArray | Node]] = field(default_factory=dict)

    def step(self, key: Scalar) -> Table:
        """Return the table under a key, the last one of an array of tables, made if missing."""
        held = self.children.setdefault(key.text, (key, _empty(key)))[1]
        if isinstance(held, TableArray):
            return held.tables[-1]
        if isinstance(held, Table):
            return held
        raise TypeError(key.text)  # the text is valid TOML, so a value is never a table

    def append(self, key: Scalar) -> Table:
        """Add a table to the array of tables under a key, as ``[[key]]`` does."""
        held = self.children.setdefault(key.text, (key, TableArray()))[1]
        table = _empty(key)
        if isinstance(held, TableArray):
            held.tables.append(table)
        return table

    def frozen(self, depth: int = 0) -> Mapping:
        """Return the finished mapping; raises :class:`TooDeepError`."""
        if depth >= MAX_DEPTH:
            raise TooDeepError(self.start)
        entries = tuple(
            Entry(key=key, value=_frozen(value, depth + 1)) for key, value in self.children.values()
        )
        return Mapping(entries=entries, span=Span(start=self.start, end=self.end))


@dataclass(slots=True, kw_only=True)
class TableArray:
    """The tables of one ``[[key]]``, in order; there is at least one."""

    tables: list[Table] = field(default_factory=list)

    def frozen(self, depth: int) -> Sequence:
        """Return the finished sequence, from the first table's start to the last one's end."""
        items = tuple(table.frozen(depth + 1) for table in self.tables)
        span = Span(start=self.tables[0].start, end=self.tables[-1].end)
        return Sequence(items=items, span=span)


def stretch(tables: Iterable[Table], start: int, end: int) -> None:
    """Let the spans of the tables on a path cover what was written in the innermost."""
    for table in tables:
        table.start = min(table.start, start)
        table.end = max(table.end, end)


def _empty(key: Scalar) -> Table:
    return Table(start=key.span.start, end=key.span.end)


def _frozen(value: Table | TableArray | Node, depth: int) -> Node:
    return value.frozen(depth) if isinstance(value, (Table, TableArray)) else value
