"""JSON into a tree: a small scanner that keeps places, with the standard library's strings."""

from __future__ import annotations

from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Final, NoReturn

from lora_advisor.pattern import pattern
from lora_advisor.source.errors import SourceError
from lora_advisor.source.limits import MAX_DEPTH, MAX_NODES
from lora_advisor.source.position import position
from lora_advisor.source.tree import Document, Entry, Mapping, Node, Scalar, Sequence, Span

_BLANK: Final = " \t\n\r"
_SPACE: Final = pattern(r"[ \t\n\r]*")
_LITERAL: Final = pattern(
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![\w.])|(?:true|false|null)(?!\w)"
    r"|-?Infinity|NaN"
)


def parse_json(text: str, path: str) -> Document:
    """Read JSON; :class:`SourceError` gives the place and what was expected there."""
    scanner = _Scanner(text, path)
    root = scanner.value(0)
    scanner.end()
    return Document(path=path, text=text, format="json", roots=(root,))


class _Scanner:
    """A position that moves through the text."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._at = 0
        self._count = 0

    def value(self, depth: int) -> Node:
        """Read the value at the position."""
        self._count += 1
        if depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH} levels")
        if self._count > MAX_NODES:
            self._fail(f"more than {MAX_NODES:,} values")
        character = self._peek()
        if character == "{":
            return self._mapping(depth)
        if character == "[":
            return self._sequence(depth)
        return self._string() if character == '"' else self._literal()

    def end(self) -> None:
        """Refuse anything after the value."""
        character = self._peek()
        if character in ("{", "["):
            self._fail("a second JSON value: this looks like JSON Lines (data), not a config")
        if character:
            self._fail(f"expected the end of the file, found {self._found()}")

    def _mapping(self, depth: int) -> Mapping:
        start, entries = self._at, []
        self._at += 1
        if self._peek() != "}":
            while True:
                if self._peek() != '"':
                    self._fail(f"expected a key in double quotes, found {self._found()}")
                key = self._string()
                self._expect(":", "':' after the key")
                entries.append(Entry(key=key, value=self.value(depth + 1)))
                if not self._continues("}"):
                    break
        self._at += 1
        return Mapping(entries=tuple(entries), span=Span(start, self._at))

    def _sequence(self, depth: int) -> Sequence:
        start, items = self._at, []
        self._at += 1
        if self._peek() != "]":
            while True:
                items.append(self.value(depth + 1))
                if not self._continues("]"):
                    break
        self._at += 1
        return Sequence(items=tuple(items), span=Span(start, self._at))

    def _continues(self, closing: str) -> bool:
        """Step over a comma; False at the closing bracket."""
        character = self._peek()
        if character == closing:
            return False
        if character != ",":
            self._fail(f"expected ',' or {closing!r}, found {self._found()}")
        comma = self._at
        self._at += 1
        if self._peek() == closing:
            self._at = comma
            self._fail(f"a comma before {closing!r}: JSON has no trailing comma")
        return True

    def _string(self) -> Scalar:
        start = self._at
        try:
            text, self._at = scanstring(self._text, start + 1, True)
        except JSONDecodeError as error:
            self._at = min(error.pos, len(self._text))
            self._fail(f"in a string: {error.msg[0].lower()}{error.msg[1:]}")
        # half a surrogate pair is no character and could not be printed
        if "\\" in self._text[start : self._at]:
            text = text.encode("utf-8", "replace").decode()
        return Scalar(text=text, plain=False, span=Span(start, self._at))

    def _literal(self) -> Scalar:
        match = _LITERAL.match(self._text, self._at)
        if match is None:
            self._fail(f"expected a value, found {self._found()}")
        self._at = match.end()
        return Scalar(text=match.group(), plain=True, span=Span(match.start(), self._at))

    def _expect(self, character: str, what: str) -> None:
        if self._peek() != character:
            self._fail(f"expected {what}, found {self._found()}")
        self._at += 1

    def _peek(self) -> str:
        character = self._text[self._at : self._at + 1]
        if character not in _BLANK:
            return character
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _found(self) -> str:
        rest = self._text[self._at : self._at + 12].split("\n")[0]
        if rest.startswith(("//", "/*", "#")):
            return "a comment: JSON has none"
        return repr(rest) if rest else "the end of the file"

    def _fail(self, message: str) -> NoReturn:
        line, column = position(self._text, self._at)
        raise SourceError(f"not valid JSON: {message}", self._path, line, column)
