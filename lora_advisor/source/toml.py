"""TOML into a tree: ``tomllib`` decides what is valid, a light scanner finds the places."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lora_advisor.source.errors import SourceError
from lora_advisor.source.limits import MAX_DEPTH, MAX_NODES
from lora_advisor.source.tree import (
    Comment,
    Document,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Span,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from typing import TypeAlias, Union

    Slot: TypeAlias = Union[Node, "_Table", list["_Table"]]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|(?P<comment>#[^\n\r]*))")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN: Final = re.compile(r"[^\s,\]}#]+(?: \d\d:[^\s,\]}#]+)?")  # a date may hold one space
_STRING: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_AT: Final = re.compile(r"^(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class _Table:
    """A table that later headers may add to."""

    span: Span
    slots: dict[str, tuple[Scalar, Slot]] = field(default_factory=dict)


def parse_toml(text: str, path: str) -> Document:
    """Read TOML; :class:`SourceError` gives tomllib's place and words."""
    try:
        tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        raise _source_error(error, text, path) from None
    except RecursionError:
        raise SourceError(f"nested deeper than {MAX_DEPTH} levels", path) from None
    scanner = _Scanner(text, path)
    root = scanner.document()
    return Document(
        path=path, text=text, format="toml", roots=(root,), comments=tuple(scanner.comments)
    )


def _source_error(error: tomllib.TOMLDecodeError, text: str, path: str) -> SourceError:
    match = _AT.match(str(error))
    message, line, column = match.groups() if match else (str(error), None, None)
    place = (int(line), int(column)) if line and column else (text.count("\n") + 1, 1)
    return SourceError(f"not valid TOML: {message}", path, *place)


class _Scanner:
    """A position that moves through valid TOML."""

    def __init__(self, text: str, path: str) -> None:
        self.comments: list[Comment] = []
        self._text = text
        self._path = path
        self._at = 0
        self._count = 0

    def document(self) -> Mapping:
        """Read every header and every key under it."""
        root = _Table(span=Span(start=0, end=len(self._text)))
        table = root
        while self._skip():
            if self._text[self._at] == "[":
                table = self._header(root)
            else:
                self._pair(table)
        return _frozen(root)

    def _header(self, root: _Table) -> _Table:
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        path = self._path_of_keys()
        self._skip()
        self._at += 2 if many else 1
        span = Span(start=start, end=self._at)
        parent = _descend(root, path[:-1], span)
        key = path[-1]
        if not many:
            return _descend(parent, [key], span)
        found = parent.slots.setdefault(key.text, (key, []))[1]
        assert isinstance(found, list)
        found.append(_Table(span=span))
        return found[-1]

    def _pair(self, table: _Table) -> None:
        path = self._path_of_keys()
        self._skip()
        self._at += 1  # the equals sign
        value = self._value(1)
        span = Span(start=path[0].span.start, end=self._at)
        _descend(table, path[:-1], span).slots[path[-1].text] = (path[-1], value)

    def _path_of_keys(self) -> list[Scalar]:
        path = [self._key()]
        while self._skip() and self._text[self._at] == ".":
            self._at += 1
            path.append(self._key())
        return path

    def _key(self) -> Scalar:
        self._skip()
        start = self._at
        match = _STRING.match(self._text, start) or _BARE.match(self._text, start)
        assert match is not None
        self._at = match.end()
        raw = match.group()
        text = next(iter(tomllib.loads(f"{raw}=0"))) if raw[0] in "\"'" else raw
        return Scalar(text=text, plain=False, span=Span(start=start, end=self._at))

    def _value(self, depth: int) -> Node:
        self._skip()
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_NODES:
            raise SourceError(f"more than {MAX_DEPTH} levels or {MAX_NODES:,} values", self._path)
        character = self._text[self._at]
        if character == "[":
            return self._array(depth)
        if character == "{":
            return self._inline(depth)
        return self._scalar(character)

    def _scalar(self, character: str) -> Scalar:
        quoted = character in "\"'"
        match = (_STRING if quoted else _PLAIN).match(self._text, self._at)
        assert match is not None
        start, self._at = self._at, match.end()
        raw = match.group()
        text = tomllib.loads(f"x={raw}".replace("\r\n", "\n"))["x"] if quoted else raw
        return Scalar(text=text, plain=not quoted, span=Span(start=start, end=self._at))

    def _array(self, depth: int) -> Sequence:
        start, items = self._at, []
        self._at += 1
        while self._skip() and self._text[self._at] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            items.append(self._value(depth + 1))
        self._at += 1
        return Sequence(items=tuple(items), span=Span(start=start, end=self._at))

    def _inline(self, depth: int) -> Mapping:
        table = _Table(span=Span(start=self._at, end=self._at))
        self._at += 1
        while self._skip() and self._text[self._at] != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            path = self._path_of_keys()
            self._skip()
            self._at += 1
            value = self._value(depth + 1)
            _descend(table, path[:-1], table.span).slots[path[-1].text] = (path[-1], value)
        self._at += 1
        table.span = Span(start=table.span.start, end=self._at)
        return _frozen(table)

    def _skip(self) -> bool:
        """Step over white space and comments; False at the end of the text."""
        while match := _BLANK.match(self._text, self._at):
            if match["comment"]:
                span = Span(start=match.start(), end=match.end())
                self.comments.append(Comment(text=match["comment"][1:], span=span))
            self._at = match.end()
        return self._at < len(self._text)


def _descend(table: _Table, path: list[Scalar], span: Span) -> _Table:
    """Return the table under a dotted path, made where it is not there yet."""
    for key in path:
        slot = table.slots.setdefault(key.text, (key, _Table(span=span)))[1]
        inner = slot[-1] if isinstance(slot, list) else slot
        assert isinstance(inner, _Table)
        table = inner
    return table


def _frozen(table: _Table) -> Mapping:
    entries = [Entry(key=key, value=_node(slot)) for key, slot in table.slots.values()]
    return Mapping(entries=tuple(entries), span=table.span)


def _node(slot: Slot) -> Node:
    if isinstance(slot, _Table):
        return _frozen(slot)
    if isinstance(slot, list):
        items = tuple(_frozen(table) for table in slot)
        return Sequence(items=items, span=Span(start=items[0].span.start, end=items[-1].span.end))
    return slot
