"""YAML into a tree, from PyYAML's events.

``yaml.compose`` with the C loader crashes the interpreter on deep nesting; its events do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import yaml as pyyaml

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

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER: Final[Any] = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)
_TEMPLATE: Final = re.compile(r"\{\{|\{%|^\s*<%", re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class _Open:
    """A collection whose end has not come yet."""

    start: int
    mapping: bool
    anchor: str | None
    nodes: list[Node] = field(default_factory=list)


def parse_yaml(text: str, path: str) -> Document:
    """Read YAML; :class:`SourceError` gives the place of what cannot be read."""
    builder = _Builder(path)
    try:
        for event in pyyaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except pyyaml.YAMLError as error:
        raise _source_error(error, text, path) from None
    return Document(
        path=path,
        text=text,
        format="yaml",
        roots=tuple(builder.roots),
        comments=tuple(_comments(text, builder.scalars)) if "#" in text else (),
    )


class _Builder:
    """Events to nodes with an explicit stack, so that depth costs no recursion."""

    def __init__(self, path: str) -> None:
        self.roots: list[Node] = []
        self.scalars: list[Span] = []
        self._path = path
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._sizes: dict[int, int] = {}
        self._count = 0

    def take(self, event: Any) -> None:
        """Handle one event."""
        if isinstance(event, pyyaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, pyyaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, pyyaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, pyyaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, pyyaml.DocumentStartEvent):
            self._anchors = {}

    def _scalar(self, event: Any) -> None:
        span = Span(start=event.start_mark.index, end=event.end_mark.index)
        self.scalars.append(span)
        plain = event.style is None or event.style == ""
        node = Scalar(text=event.value, plain=plain, span=span, tag=event.tag)
        self._add(node, event.anchor, 1, event)

    def _open(self, event: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise self._refusal(f"nested deeper than {MAX_DEPTH} levels", event)
        mapping = isinstance(event, pyyaml.MappingStartEvent)
        self._stack.append(
            _Open(start=event.start_mark.index, mapping=mapping, anchor=event.anchor)
        )

    def _close(self, event: Any) -> None:
        opened = self._stack.pop()
        end = event.end_mark.index
        if opened.nodes and event.start_mark.index == end:  # a block ends with its last item
            end = max(opened.nodes[-1].span.end, opened.start)
        span = Span(start=opened.start, end=end)
        size = 1 + sum(self._sizes.get(id(node), 1) for node in opened.nodes)
        node = self._mapping(opened, span) if opened.mapping else _sequence(opened, span)
        self._add(node, opened.anchor, size, event)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise self._refusal(f"alias *{event.anchor} has no anchor before it", event)
        node, size = self._anchors[event.anchor]
        span = Span(start=event.start_mark.index, end=event.end_mark.index)
        self.scalars.append(span)
        self._add(replace(node, span=span), None, size, event)

    def _add(self, node: Node, anchor: str | None, size: int, event: Any) -> None:
        self._count += 1
        if max(size, self._count) > MAX_NODES:
            raise self._refusal(f"more than {MAX_NODES:,} values, aliases counted out", event)
        if size > 1:
            self._sizes[id(node)] = size
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        (self._stack[-1].nodes if self._stack else self.roots).append(node)

    def _mapping(self, opened: _Open, span: Span) -> Mapping:
        pairs = list(zip(opened.nodes[::2], opened.nodes[1::2], strict=True))
        entries = [
            Entry(key=_key(key), value=value) for key, value in pairs if not _is_merge(key, value)
        ]
        written = {entry.key.text for entry in entries}
        for key, value in pairs:
            if _is_merge(key, value):
                entries.extend(_merged(value, written))
        return Mapping(entries=tuple(entries), span=span)

    def _refusal(self, message: str, event: Any) -> SourceError:
        mark = event.start_mark
        return SourceError(message, self._path, mark.line + 1, mark.column + 1)


def _sequence(opened: _Open, span: Span) -> Sequence:
    return Sequence(items=tuple(opened.nodes), span=span)


def _key(node: Node) -> Scalar:
    """Return a key as a scalar; a collection as a key has no name a config could use."""
    return node if isinstance(node, Scalar) else Scalar(text="", plain=False, span=node.span)


def _is_merge(key: Node, value: Node) -> bool:
    merge = isinstance(key, Scalar) and key.plain and key.text == "<<"
    return merge and not isinstance(value, Scalar)


def _merged(value: Node, written: set[str]) -> Iterator[Entry]:
    """Yield what a merge key brings in, once for each key that is not there already."""
    sources = value.items if isinstance(value, Sequence) else (value,)
    for source in sources:
        for entry in source.entries if isinstance(source, Mapping) else ():
            if entry.key.text not in written:
                written.add(entry.key.text)
                yield replace(entry, merged=True)


def _comments(text: str, scalars: list[Span]) -> Iterator[Comment]:
    """Yield every ``#`` at a line's start or after white space that no scalar covers."""
    covered = iter([*scalars, Span(start=len(text) + 1, end=len(text) + 1)])
    current = next(covered)
    position = text.find("#")
    while position >= 0:
        while current.end <= position:
            current = next(covered)
        inside = current.start <= position
        if not inside and (position == 0 or text[position - 1] in " \t\r\n"):
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            raw = text[position:end].rstrip("\r")
            span = Span(start=position, end=position + len(raw))
            yield Comment(text=raw[1:], span=span)
            position = text.find("#", end)
        else:
            position = text.find("#", current.end if inside else position + 1)


def _source_error(error: pyyaml.YAMLError, text: str, path: str) -> SourceError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else _position(error, text)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    return SourceError(f"not valid YAML: {_plain(str(problem), line, text)}", path, line, column)


def _position(error: pyyaml.YAMLError, text: str) -> tuple[int, int]:
    offset = getattr(error, "position", 0)
    before = text[: offset if isinstance(offset, int) else 0]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _plain(problem: str, line: int, text: str) -> str:
    """Add the likely cause to PyYAML's words."""
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    if _TEMPLATE.search(text):
        return f"{problem} (looks like a template that is filled in later; not checked)"
    if "\t" in shown[: len(shown) - len(shown.lstrip())] or "'\\t'" in problem:
        return f"{problem} (a tab; YAML is indented with spaces)"
    if "mapping values are not allowed" in problem:
        return f"{problem} (a ': ' inside a value needs quotes, or the indentation is off)"
    if "could not find expected ':'" in problem:
        return f"{problem} (a key needs ': ' with a space after the colon)"
    return problem
