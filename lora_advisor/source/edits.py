"""Changes of single keys and values in a text; comments, order, quotes and line ends stay."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.spelling import NotSpelledError, spell
from lora_advisor.source.tree import Entry, Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.source.tree import Comment, Document

_BLOCK: Final = pattern(r"-\s|(?![\[{'\"])[^\n]*\n")
"""A YAML value in block style: a list, or what goes on over several lines without quotes."""
_NAMED: Final = pattern(r"\[([^\]]*)\]")
_STEP: Final = pattern(r"([^.\[\]]+)|\[(\d+)\]")
_GAP: Final = pattern(r"(?:[ \t]|\\\r?\n)+$")


class NotEditableError(ValueError):
    """A change that the text has no place for; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Edit:
    """New text in place of a stretch of the old one: character offsets, the end exclusive."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Carry edits out; :class:`NotEditableError` where two of them touch the same characters."""
    parts: list[str] = []
    last = 0
    for edit in sorted(edits):
        if edit.start < last:
            raise NotEditableError("two changes meet in one place")
        parts += [text[last : edit.start], edit.text]
        last = edit.end
    return "".join([*parts, text[last:]])


def replaced(document: Document, span: Span, value: object) -> Edit:
    """Give a value in place of the one that stands at ``span``.

    Raises:
        NotEditableError: A flag without a value stands there.
    """
    old = document.text[span.start : span.end]
    entry = _entry_of_flag(document, span)
    if entry is not None:
        if value is False:
            return removed(document, entry.key.span)
        raise NotEditableError("the flag has no value to change")
    if document.format == "yaml" and _BLOCK.match(old):
        return _edit(document, span, _block(document, span, value))
    return _edit(document, span, _spelled(document, value, old))


def value_of(document: Document, span: Span) -> Span:
    """Return where a value stands, given its place, its key's, or that of an entry of a list."""
    values = (entry.value.span for _, entry in _entries(document))
    found = span in values or _list_of(document, span) is not None
    return span if found else _located(document, span)[1].value.span


def renamed(document: Document, key: Span, name: str) -> Edit:
    """Give a key another name, in its own quotes."""
    old = document.text[key.start : key.end]
    quote = old[0] if old[:1] in ("'", '"') else ""
    return _edit(document, key, f"{quote}{name}{quote}")


def removed(document: Document, key: Span) -> Edit:
    """Take a key out with its value, and with its line where nothing else stands there.

    The entry of a list goes in the same way, and a rule that a comment ignores.

    Raises:
        NotEditableError: What stands beside it would take its place.
    """
    comment = next((c for c in document.comments if c.span.start <= key.start < c.span.end), None)
    if comment is not None:
        return _removed_from_comment(document, comment, key)
    listed = _list_of(document, key)
    if listed is not None:
        return _removed_entry(document, listed, key)
    mapping, entry = _located(document, key)
    start, end = entry.key.span.start, max(entry.value.span.end, entry.key.span.end)
    if document.format == "shell":
        gap = _GAP.search(document.text, 0, start - len(_dashes(document.text, start)))
        return Edit(start=gap.start() if gap else start, end=end, text="")
    if _is_by_position(entry) and any(
        _is_by_position(other) and other.key.span.start > start for other in mapping.entries
    ):
        raise NotEditableError("the arguments behind it would take its place")
    if _is_listed(document, mapping):
        return _removed_item(
            document, mapping.span, len(mapping.entries), Span(start=start, end=end)
        )
    before = _line_start(document.text, start)
    if document.text[before:start].strip():
        raise NotEditableError("the key shares its line with a list item")
    return Edit(start=before, end=_line_end(document.text, end), text="")


def inserted(document: Document, path: str, value: object, near: int) -> Edit:
    """Write a key that is not there yet, above a key of its section.

    ``path`` is dotted; of several sections of that name (calls in a script) the one around or
    next to the offset ``near`` is meant.

    Raises:
        NotEditableError: There is no such section, or a cell of a notebook writes the file.
    """
    if document.path.endswith(".ipynb") and document.format not in ("python", "shell"):
        raise NotEditableError("the file stands in a cell of a notebook")
    parent, _, name = path.rpartition(".")
    sections = [m for root in document.roots for m in _sections(root, parent)]
    with_keys = [m for m in sections if _anchors(document, m)]
    if not with_keys:
        raise NotEditableError(f"there is no section {parent!r} to write {name!r} in")
    section = min(with_keys, key=lambda m: _distance(m.span, near))
    anchor = min(_anchors(document, section), key=lambda e: _distance(e.key.span, near))
    at = anchor.key.span.start
    if document.format == "shell":
        at -= len(_dashes(document.text, at))
    return _edit(document, Span(start=at, end=at), _line(document, section, name, value, at))


def _line(document: Document, section: Mapping, name: str, value: object, at: int) -> str:
    """Return a key and its value with what parts it from the key that stands at ``at``."""
    before = document.text[_line_start(document.text, at) : at]
    spelled = _spelled(document, value, "")
    if document.format == "shell":
        return f"--{name} {spelled}" + (f" \\\n{before}" if not before.strip() else " ")
    if document.format == "python":
        line = f"{name}={spelled},"
    elif document.format == "json":
        line = f"{json.dumps(name)}: {spelled},"
    else:
        sign = " =" if document.format == "toml" else ":"
        line = f"{name}{sign} {spelled}" + ("," if _is_listed(document, section) else "")
    own_line = not before.strip() or (document.format == "yaml" and not line.endswith(","))
    return line + (_newline(document) + " " * len(before) if own_line else " ")


def _newline(document: Document) -> str:
    return "\r\n" if "\r\n" in document.text else "\n"


def _edit(document: Document, span: Span, text: str) -> Edit:
    """Make an edit; in a notebook the text stands inside a JSON string."""
    if document.path.endswith(".ipynb"):
        text = json.dumps(text, ensure_ascii=False)[1:-1]
    return Edit(start=span.start, end=span.end, text=text)


def _spelled(document: Document, value: object, old: str) -> str:
    try:
        return spell(value, document.format, old)
    except NotSpelledError as error:
        raise NotEditableError(str(error)) from None


def _block(document: Document, span: Span, value: object) -> str:
    """Spell a list in the style of the block list it replaces."""
    if not (isinstance(value, list) and value) or not document.text.startswith("-", span.start):
        raise NotEditableError("the value reaches over several lines")
    if document.path.endswith(".ipynb"):
        raise NotEditableError("the file stands in a cell of a notebook")
    column = span.start - _line_start(document.text, span.start)
    parting = _newline(document) + " " * column
    return parting.join(f"- {_spelled(document, item, '')}" for item in value)


def _entry_of_flag(document: Document, span: Span) -> Entry | None:
    """Return the flag without a value (``--bf16``) that stands at ``span``."""
    if document.format != "shell":
        return None
    found = (entry for _, entry in _entries(document) if entry.key.span == span)
    return next((entry for entry in found if entry.value.span == span), None)


def _located(document: Document, key: Span) -> tuple[Mapping, Entry]:
    found = ((m, e) for m, e in _entries(document) if e.key.span == key and not e.merged)
    pair = next(found, None)
    if pair is None or pair[1].value.span.start < key.start:
        raise NotEditableError("the key does not stand with its value")
    return pair


def _is_by_position(entry: Entry) -> bool:
    """Whether an argument of a call has no name in the text."""
    return entry.key.span == entry.value.span


def _removed_from_comment(document: Document, comment: Comment, selector: Span) -> Edit:
    """Take a rule out of a comment, and the whole comment if it names no other."""
    text, (start, end) = document.text, (comment.span.start, comment.span.end)
    if document.path.endswith(".ipynb"):
        raise NotEditableError("the comment stands in a cell of a notebook")
    named = _NAMED.search(text, start, end)
    if named is None or not named.start() < selector.start < named.end():
        raise NotEditableError("the comment names no rule there")
    gone = text[selector.start : selector.end]
    left = [name for name in (part.strip() for part in named[1].split(",")) if name != gone]
    if left:
        return Edit(start=named.start(), end=named.end(), text=f"[{', '.join(left)}]")
    line = _line_start(text, start)
    if not text[line:start].strip():
        return Edit(start=line, end=_line_end(text, start), text="")
    return Edit(start=line + len(text[line:start].rstrip()), end=end, text="")


def _removed_entry(document: Document, listed: Sequence, span: Span) -> Edit:
    """Take an entry out of a list that has others."""
    text = document.text
    if len(listed.items) < 2:  # noqa: PLR2004
        raise NotEditableError("nothing would be left of the list")
    if document.format == "shell":
        gap = _GAP.search(text, 0, span.start)
        return Edit(start=gap.start() if gap else span.start, end=span.end, text="")
    if text[listed.span.start] in "[(":
        return _removed_item(document, listed.span, len(listed.items), span)
    line = _line_start(text, span.start)
    if text[line : span.start].strip() != "-":
        raise NotEditableError("the entry shares its line with something else")
    return Edit(start=line, end=_line_end(text, span.end), text="")


def _removed_item(document: Document, around: Span, count: int, span: Span) -> Edit:
    """Take one of several things out that commas part, with its comma."""
    text = document.text
    after = re.compile(r"\s*,[ \t]*").match(text, span.end)
    if after is not None:
        start, end = span.start, after.end()
        line = _line_start(text, start)
        if not text[line:start].strip() and text[end : end + 1] in ("\r", "\n", ""):
            return Edit(start=line, end=_line_end(text, end), text="")
        return Edit(start=start, end=end, text="")
    before = re.compile(r",\s*$").search(text, around.start, span.start)
    if before is None and count > 1:
        raise NotEditableError("its comma is not to be found")
    return Edit(start=before.start() if before else span.start, end=span.end, text="")


def _is_listed(document: Document, mapping: Mapping) -> bool:
    """Whether commas part the keys: JSON, calls of Python, flow style in YAML, inline TOML."""
    if document.format in ("json", "python"):
        return True
    return document.text.startswith("{", mapping.span.start)


def _anchors(document: Document, mapping: Mapping) -> list[Entry]:
    """Return the entries another key can be written above: in place, with a name of their own."""
    own = [entry for entry in mapping.entries if not entry.merged]
    own = [e for e in own if mapping.span.start <= e.key.span.start < mapping.span.end]
    if document.format == "shell":
        return [entry for entry in own if _dashes(document.text, entry.key.span.start)]
    return [entry for entry in own if entry.key.span.end <= entry.value.span.start]


def _dashes(text: str, start: int) -> str:
    return text[max(0, start - 2) : start] if text[:start].endswith("--") else ""


def _sections(node: Node, path: str) -> Iterator[Mapping]:
    """Yield the mappings that a dotted path leads to; a name may stand several times."""
    step = _STEP.match(path)
    rest = path[step.end() :].lstrip(".") if step else ""
    if step is None:
        if isinstance(node, Mapping):
            yield node
    elif step[2] is not None and isinstance(node, Sequence):
        for item in node.items[int(step[2]) : int(step[2]) + 1]:
            yield from _sections(item, rest)
    elif isinstance(node, Mapping):
        for entry in node.entries:
            if entry.key.text == step[1]:
                yield from _sections(entry.value, rest)


def _entries(document: Document) -> Iterator[tuple[Mapping, Entry]]:
    for root in document.roots:
        yield from _entries_below(root)


def _list_of(document: Document, span: Span) -> Sequence | None:
    """Return the list that has an entry of its own at a place."""
    lists = (found for root in document.roots for found in _lists_below(root))
    return next((one for one in lists if [i.span for i in one.items].count(span) == 1), None)


def _lists_below(node: Node) -> Iterator[Sequence]:
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from _lists_below(entry.value)
    elif isinstance(node, Sequence):
        yield node
        for item in node.items:
            yield from _lists_below(item)


def _entries_below(node: Node) -> Iterator[tuple[Mapping, Entry]]:
    if isinstance(node, Scalar):
        return
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _entries_below(item)
        return
    for entry in node.entries:
        yield node, entry
        yield from _entries_below(entry.value)


def _distance(span: Span, offset: int) -> tuple[int, int]:
    """Order stretches by how near they are; of those around the offset the smallest is first."""
    if span.start <= offset <= span.end:
        return 0, span.end - span.start
    return min(abs(span.start - offset), abs(span.end - offset)), 0


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _line_end(text: str, offset: int) -> int:
    """Return the offset behind the line end that follows."""
    found = re.compile(r"[^\r\n]*(?:\r\n?|\n|$)").match(text, offset)
    return found.end() if found else len(text)
