"""Jupyter notebooks: the code cells as one program, with places in the notebook's own text.

Magics and shell lines are blanked out. A span counts characters of the ``.ipynb`` file, so that a
place is the line an editor or a review shows.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from lora_advisor.record import replace
from lora_advisor.source.errors import SourceError
from lora_advisor.source.json import parse_json
from lora_advisor.source.position import position
from lora_advisor.source.python import parse_python
from lora_advisor.source.python_calls import RECORDED
from lora_advisor.source.python_magics import without_magics
from lora_advisor.source.tree import Comment, Document, Entry, Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_NEWLINE: Final = re.compile(r"[^\n]")
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u.{4}|.)"
)


def parse_notebook(text: str, path: str) -> Document:
    """Read a notebook; :class:`SourceError` gives the place of what cannot be read."""
    cells = list(_cells(parse_json(text, path).root))
    program, offsets = _program(text, cells)
    try:
        parsed = parse_python(program, path)
    except SourceError as error:
        line, column = _raw_position(error, program, offsets, text)
        raise SourceError(error.message, path, line, column) from None
    roots = tuple(_moved(root, offsets) for root in parsed.roots)
    comments = tuple(_moved_comment(comment, offsets) for comment in parsed.comments)
    return Document(path=path, text=text, format="python", roots=roots, comments=comments)


def _cells(root: Node | None) -> Iterator[list[Scalar]]:
    """Yield the source lines of every code cell."""
    cells = root.get("cells") if isinstance(root, Mapping) else None
    for cell in cells.items if isinstance(cells, Sequence) else ():
        kind = cell.get("cell_type") if isinstance(cell, Mapping) else None
        if not isinstance(cell, Mapping) or not isinstance(kind, Scalar) or kind.text != "code":
            continue
        lines = cell.get("source")
        if isinstance(lines, Scalar):
            yield [lines]
        elif isinstance(lines, Sequence):
            yield [line for line in lines.items if isinstance(line, Scalar)]


def _program(raw: str, cells: list[list[Scalar]]) -> tuple[str, list[Span]]:
    """Join the cells; the list gives the raw stretch of each character, and of the end."""
    parts: list[str] = []
    offsets: list[Span] = []
    for cell in cells:
        parts.append(_as_python("".join(line.text for line in cell)))
        for line in cell:
            offsets.extend(_offsets(raw, line))
        end = cell[-1].span.end - 1 if cell else 0
        parts.append("\n")
        offsets.append(Span(start=end, end=end))
    return "".join(parts), [*offsets, offsets[-1] if offsets else Span(start=0, end=0)]


def _offsets(raw: str, line: Scalar) -> Iterator[Span]:
    """Yield where each character of a JSON string is written, escapes as one character."""
    at, end = line.span.start + 1, line.span.end - 1
    while at < end:
        escape = _ESCAPE.match(raw, at)
        after = escape.end() if escape is not None else at + 1
        yield Span(start=at, end=after)
        at = after


def _as_python(cell: str) -> str:
    """Blank what only IPython reads, keeping every offset.

    A cell in another language, or a broken one that configures no training, is empty.
    """
    program = without_magics(cell)
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        matters = program == cell and RECORDED.search(cell) is not None
        return cell if matters else _NOT_NEWLINE.sub(" ", cell)
    return program


def _raw_position(
    error: SourceError, program: str, offsets: list[Span], text: str
) -> tuple[int, int]:
    lines = program.splitlines(keepends=True)
    offset = sum(map(len, lines[: error.line - 1])) + error.column - 1
    return position(text, offsets[min(offset, len(offsets) - 1)].start)


def _moved(node: Node, offsets: list[Span]) -> Node:
    span = _moved_span(node.span, offsets)
    if isinstance(node, Scalar):
        return replace(node, span=span)
    if isinstance(node, Sequence):
        return replace(node, span=span, items=tuple(_moved(item, offsets) for item in node.items))
    entries = tuple(
        Entry(
            key=replace(entry.key, span=_moved_span(entry.key.span, offsets)),
            value=_moved(entry.value, offsets),
            merged=entry.merged,
        )
        for entry in node.entries
    )
    return replace(node, span=span, entries=entries)


def _moved_comment(comment: Comment, offsets: list[Span]) -> Comment:
    return replace(comment, span=_moved_span(comment.span, offsets))


def _moved_span(span: Span, offsets: list[Span]) -> Span:
    if span.end <= span.start:
        start = offsets[min(span.start, len(offsets) - 1)].start
        return Span(start=start, end=start)
    return Span(start=offsets[span.start].start, end=offsets[span.end - 1].end)
