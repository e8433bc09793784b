"""YAML into a tree, from PyYAML's events.

``yaml.compose`` with the C loader crashes the interpreter on deep nesting; its events do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml as pyyaml

from lora_advisor.pattern import pattern
from lora_advisor.record import replace
from lora_advisor.source.limits import MAX_DEPTH, MAX_NODES
from lora_advisor.source.tree import Document, Entry, Mapping, Node, Scalar, Sequence, Span
from lora_advisor.source.yaml_comments import comments_outside
from lora_advisor.source.yaml_errors import TEMPLATE, TOO_DEEP, in_template, refusal, source_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.source.errors import SourceError

_LOADER: Final[Any] = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)
_PROPERTY: Final = pattern("[&!]\\S*(?:\\s|(?<=\\s)#[^\r\n\x85\u2028\u2029]*)*")
_BLOCK_HEADER: Final = pattern("[|>][^\r\n\x85\u2028\u2029]*")


class _Anchored(NamedTuple):
    """A node that aliases may repeat: how many nodes it counts for, and how deep it is."""

    node: Node
    size: int
    height: int


class _Open:
    """A collection whose end has not come yet."""

    __slots__ = ("anchor", "height", "mapping", "nodes", "size", "start")

    def __init__(self, start: int, anchor: str | None, *, mapping: bool) -> None:
        self.start = start
        self.anchor = anchor
        self.mapping = mapping
        self.nodes: list[Node] = []
        self.size = 1
        self.height = 0


def parse_yaml(text: str, path: str) -> Document:
    """Read YAML; :class:`SourceError` gives the place of what cannot be read."""
    builder = _Builder(text, path)
    try:
        builder.build(_LOADER(text))
    except pyyaml.YAMLError as error:
        raise source_error(error, text, path) from None
    comments = comments_outside(text, builder.covered) if "#" in text else ()
    return Document(
        path=path, text=text, format="yaml", roots=tuple(builder.roots), comments=tuple(comments)
    )


class _Builder:
    """Events to nodes with an explicit stack, so that depth costs no recursion."""

    def __init__(self, text: str, path: str) -> None:
        self.roots: list[Node] = []
        self.covered: list[Span] = []
        self._text = text
        self._path = path
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}

    def build(self, loader: Any) -> None:
        """Handle every event of a loader."""
        handlers = {
            pyyaml.ScalarEvent: self._scalar,
            pyyaml.MappingStartEvent: self._open,
            pyyaml.SequenceStartEvent: self._open,
            pyyaml.MappingEndEvent: self._close,
            pyyaml.SequenceEndEvent: self._close,
            pyyaml.AliasEvent: self._alias,
            pyyaml.DocumentStartEvent: self._begin,
        }
        try:
            while loader.check_event():
                event = loader.get_event()
                handle = handlers.get(type(event))
                if handle is not None:
                    handle(event)
        finally:
            loader.dispose()

    def _begin(self, _event: Any) -> None:
        self._anchors = {}

    def _scalar(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        anchor, tag, style = event.anchor, event.tag, event.style
        if anchor is not None or tag is not None:
            self._announce(event)
            start = min(self._content(event), end)
        span = Span(start, end)
        node = Scalar(text=event.value, plain=not style, span=span, tag=tag)
        if style in ("|", ">"):  # a comment may follow the indicator
            header = _BLOCK_HEADER.match(self._text, start)
            span = Span(header.end() if header else start, end)
        self.covered.append(span)
        self._add(node, 1, 0, anchor, event)

    def _open(self, event: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise self._refusal(TOO_DEEP, event)
        self._announce(event)
        mapping = type(event) is pyyaml.MappingStartEvent
        self._stack.append(_Open(self._content(event), event.anchor, mapping=mapping))

    def _close(self, event: Any) -> None:
        opened = self._stack.pop()
        end = event.end_mark.index
        if opened.nodes and event.start_mark.index == end:  # a block ends with its last item
            end = max(opened.nodes[-1].span.end, opened.start)
        span = Span(opened.start, end)
        node = (
            self._mapping(opened.nodes, span)
            if opened.mapping
            else Sequence(items=tuple(opened.nodes), span=span)
        )
        self._add(node, opened.size, opened.height + 1, opened.anchor, event)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            message = (
                f"alias *{event.anchor} has no anchor before it"
                " (a value that starts with * needs quotes)"
            )
            raise self._refusal(message, event)
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise self._refusal(f"alias *{event.anchor} stands inside its own anchor", event)
        span = Span(event.start_mark.index, event.end_mark.index)
        self.covered.append(span)
        node = replace(anchored.node, span=span)
        self._add(node, anchored.size, anchored.height, None, event)

    def _announce(self, event: Any) -> None:
        """Note an anchor whose node is not complete yet; each name stands once, as in PyYAML."""
        if event.anchor is None:
            return
        if event.anchor in self._anchors:
            raise self._refusal(f"the anchor &{event.anchor} is written twice", event)
        self._anchors[event.anchor] = None

    def _add(self, node: Node, size: int, height: int, anchor: str | None, event: Any) -> None:
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, size, height)
        if not self._stack:
            self.roots.append(node)
            return
        parent = self._stack[-1]
        parent.nodes.append(node)
        parent.size += size
        parent.height = max(parent.height, height)
        if parent.size > MAX_NODES:
            raise self._refusal(f"more than {MAX_NODES:,} values, aliases counted out", event)
        if len(self._stack) + height > MAX_DEPTH:
            raise self._refusal(f"nested deeper than {MAX_DEPTH} levels by aliases", event)

    def _content(self, event: Any) -> int:
        """Return where a node begins behind its anchor and tag."""
        start: int = event.start_mark.index
        if event.anchor is None and event.tag is None:
            return start
        for written in (event.anchor, event.tag):
            match = _PROPERTY.match(self._text, start) if written is not None else None
            start = match.end() if match else start
        return start

    def _mapping(self, nodes: list[Node], span: Span) -> Mapping:
        entries: list[Entry] = []
        merges: list[tuple[Scalar, Node]] = []
        for key, value in zip(nodes[::2], nodes[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise self._unusable_key(key)
            if key.plain and key.text == "<<" and key.tag is None:
                merges.append((key, value))
            else:
                entries.append(Entry(key=key, value=value))
        if merges:
            entries.extend(self._merged(merges, {entry.key.text for entry in entries}))
        return Mapping(entries=tuple(entries), span=span)

    def _merged(self, merges: list[tuple[Scalar, Node]], written: set[str]) -> Iterator[Entry]:
        """Yield what merge keys bring in, each key once.

        Of a list the first mapping wins, as YAML's merge key says; of several ``<<`` the last,
        as in PyYAML. PyYAML 6.0.4 lets the last of a list win where names are long.
        """
        for key, value in reversed(merges):
            for source in value.items if isinstance(value, Sequence) else (value,):
                if not isinstance(source, Mapping):
                    message = "<<: merges a mapping or a list of mappings, and this is neither"
                    raise refusal(message, key.span.start, self._text, self._path)
                held = {entry.key.text: entry for entry in source.entries}
                fresh = [entry for name, entry in held.items() if name not in written]
                written.update(held)
                yield from (replace(entry, merged=True) for entry in fresh)

    def _unusable_key(self, key: Node) -> SourceError:
        offset = key.span.start
        if in_template(self._text, offset):
            return refusal(TEMPLATE, offset, self._text, self._path)
        return refusal("a list or a mapping cannot be a key", offset, self._text, self._path)

    def _refusal(self, message: str, event: Any) -> SourceError:
        return refusal(message, event.start_mark.index, self._text, self._path)
