"""TOML into a tree: the library decides what is valid, a light scanner finds the places."""

from __future__ import annotations

import re
import sys
from typing import Final

from lora_advisor.pattern import pattern
from lora_advisor.source.errors import SourceError
from lora_advisor.source.limits import MAX_DEPTH, MAX_NODES
from lora_advisor.source.position import position
from lora_advisor.source.toml_tables import Table, TooDeepError, stretch
from lora_advisor.source.tree import Comment, Document, Node, Scalar, Sequence, Span

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PLACE: Final = pattern(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TOKEN: Final = pattern(
    r'"""(?:\\.|[^\\])*?""""{0,2}|' + r"'''.*?''''{0,2}|"
    r'"(?:\\.|[^"\\])*"|' + r"'[^']*'|"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[^\s,\]}#]+|[^\s,\]}#]+",
    re.DOTALL,
)
_KEY: Final = pattern(r'"(?:\\.|[^"\\])*"|' + r"'[^']*'|[^\s.=\]]+")
_SPACE: Final = pattern(r"\s*")
_COMMENT: Final = pattern(r"#[^\r\n]*")


def parse_toml(text: str, path: str) -> Document:
    """Read TOML; :class:`SourceError` gives the standard library's message and its place."""
    _validate(text, path)
    scanner = _Scanner(text, path)
    try:
        root = scanner.document().frozen()
    except TooDeepError as error:
        raise _too_deep(path, *position(text, error.start)) from None
    comments = tuple(scanner.comments)
    return Document(path=path, text=text, format="toml", roots=(root,), comments=comments)


def _validate(text: str, path: str) -> None:
    try:
        tomllib.loads(text)
    except RecursionError:
        raise _too_deep(path, 1, 1) from None
    except ValueError as error:  # TOMLDecodeError, or an integer of more digits than Python reads
        raise _source_error(str(error), text, path) from None


def _source_error(message: str, text: str, path: str) -> SourceError:
    match = _PLACE.search(message)
    if match is None:
        return SourceError(f"not valid TOML: {message}", path)
    place = (int(match[1]), int(match[2])) if match[1] else position(text, len(text))
    problem = message[: match.start()]
    if match[1] is None:
        problem += " at the end of the file"
    return SourceError(f"not valid TOML: {problem[0].lower()}{problem[1:]}", path, *place)


def _too_deep(path: str, line: int, column: int) -> SourceError:
    message = f"not read as TOML: nested deeper than {MAX_DEPTH} levels"
    return SourceError(message, path, line, column)


class _Scanner:
    """A position that moves through text known to be valid."""

    def __init__(self, text: str, path: str) -> None:
        self.comments: list[Comment] = []
        self._text = text
        self._path = path
        self._at = 0
        self._count = 0

    def document(self) -> Table:
        """Read every header and every key into the root table."""
        self._peek()
        root = Table(start=self._at, end=self._at)
        path = [root]
        while character := self._peek():
            if character == "[":
                path = self._header(root)
            else:
                self._assignment(path)
        return root

    def _header(self, root: Table) -> list[Table]:
        start = self._at
        double = self._text.startswith("[[", start)
        self._at += 2 if double else 1
        *parents, last = self._keys()
        self._peek()
        self._at += 2 if double else 1
        path = [root]
        for key in parents:
            path.append(path[-1].step(key))
        path.append(path[-1].append(last) if double else path[-1].step(last))
        stretch(path, start, self._at)
        return path

    def _assignment(self, path: list[Table], depth: int = 0) -> None:
        *parents, last = self._keys()
        self._peek()
        self._at += 1  # the equals sign
        value = self._value(depth)
        start = (parents[0] if parents else last).span.start
        inner = list(path)
        for key in parents:
            inner.append(inner[-1].step(key))
        inner[-1].children[last.text] = (last, value)
        stretch(inner, start, self._at)

    def _keys(self) -> list[Scalar]:
        keys = [self._key()]
        while self._peek() == ".":
            self._at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> Scalar:
        self._peek()
        raw, span = self._take(_KEY)
        text = _unquoted(raw) if raw[0] in "\"'" else raw
        return Scalar(text=text, plain=False, span=span)

    def _value(self, depth: int) -> Node:
        if depth >= MAX_DEPTH:
            raise TooDeepError(self._at)
        character = self._peek()
        if character == "[":
            return self._array(depth)
        if character == "{":
            return self._inline_table(depth)
        raw, span = self._take(_TOKEN)
        if character in ('"', "'"):
            return Scalar(text=_unquoted(raw), plain=False, span=span)
        return Scalar(text=raw, plain=True, span=span)

    def _array(self, depth: int) -> Sequence:
        start, items = self._at, []
        self._at += 1
        while self._peek() != "]":
            items.append(self._value(depth + 1))
            self._comma()
        self._at += 1
        return Sequence(items=tuple(items), span=Span(start=start, end=self._at))

    def _inline_table(self, depth: int) -> Node:
        table = Table(start=self._at, end=self._at)
        self._at += 1
        while self._peek() != "}":
            self._assignment([table], depth + 1)
            self._comma()
        self._at += 1
        stretch([table], self._at, self._at)
        return table.frozen(depth)

    def _comma(self) -> None:
        if self._peek() == ",":
            self._at += 1

    def _take(self, pattern: re.Pattern[str]) -> tuple[str, Span]:
        self._count += 1
        match = pattern.match(self._text, self._at)
        if match is None or self._count > MAX_NODES:
            words = "a value is missing" if match is None else f"more than {MAX_NODES:,} values"
            raise SourceError(f"not read as TOML: {words}", self._path, *self._place())
        self._at = match.end()
        return match.group(), Span(start=match.start(), end=self._at)

    def _place(self) -> tuple[int, int]:
        return position(self._text, self._at)

    def _peek(self) -> str:
        """Skip white space and note comments; return the next character, '' at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            comment = _COMMENT.match(self._text, self._at)
            if comment is None:
                return self._text[self._at : self._at + 1]
            span = Span(start=comment.start(), end=comment.end())
            self.comments.append(Comment(text=comment.group()[1:], span=span))
            self._at = comment.end()


def _unquoted(raw: str) -> str:
    """Return a string's content; the library reads what has escapes or several lines."""
    if raw[:3] in ('"""', "'''") or (raw[0] == '"' and "\\" in raw):
        return str(tomllib.loads("x = " + raw)["x"])
    return raw[1:-1]
