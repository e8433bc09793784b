"""Jupyter notebooks: the code cells as one program, with places in the notebook's own text.

Shell lines and ``%%bash`` cells are a script of their own, a ``%%writefile`` cell is the file it
writes. A span counts characters of the ``.ipynb`` file, so that a place is the line an editor or a
review shows.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.record import replace
from lora_advisor.source.errors import SourceError
from lora_advisor.source.json import parse_json
from lora_advisor.source.position import blank, position
from lora_advisor.source.python import parse_python
from lora_advisor.source.python_calls import RECORDED
from lora_advisor.source.python_magics import (
    file_cell,
    shell_cell,
    shell_lines,
    without_magics,
)
from lora_advisor.source.shell import parse_shell
from lora_advisor.source.tree import Comment, Document, Entry, Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPE: Final = pattern(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u.{4}|.)")


def parse_notebook(text: str, path: str) -> Document:
    """Read a notebook; :class:`SourceError` gives the place of what cannot be read."""
    cells = list(_cells(parse_json(text, path).root))
    sources = ["".join(line.text for line in cell) for cell in cells]
    program, offsets = _program(text, cells, sources)
    try:
        parsed = parse_python(program, path)
    except SourceError as error:
        line, column = _raw_position(error, program, offsets, text)
        raise SourceError(error.message, path, line, column) from None
    document = _placed(parsed, text, offsets)
    return replace(document, parts=tuple(_parts(text, path, sources, offsets)))


def _parts(raw: str, path: str, sources: list[str], offsets: list[Span]) -> Iterator[Document]:
    """Yield what the cells hand to a shell, as one script, and the files they write."""
    commands = "\n".join(_commands(cell) for cell in sources)
    if commands.strip():
        yield _placed(parse_shell(commands, path), raw, offsets)
    start = 0
    for cell in sources:
        written = file_cell(cell)
        found = _written(*written) if written is not None else None
        if found is not None:
            yield _placed(replace(found, path=path), raw, offsets[start:])
        start += len(cell) + 1


def _commands(cell: str) -> str:
    if file_cell(cell) is not None:
        return blank(cell)
    script = shell_cell(cell)
    return shell_lines(cell) if script is None else script


def _written(path: str, text: str) -> Document | None:
    """Read a file that a cell writes; None for one of no format, or that cannot be read."""
    from lora_advisor.source import SUFFIXES, parse  # it calls this module

    suffix = next((end for end in SUFFIXES if path.lower().endswith(end)), ".ipynb")
    if suffix == ".ipynb":
        return None
    try:
        return parse(text, f"cell{suffix}")
    except SourceError:
        return None


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


def _program(raw: str, cells: list[list[Scalar]], sources: list[str]) -> tuple[str, list[Span]]:
    """Join the cells; the list gives the raw stretch of each character, and of the end."""
    parts: list[str] = []
    offsets: list[Span] = []
    for cell, text in zip(cells, sources, strict=True):
        parts.append(_as_python(text))
        for line in cell:
            offsets.extend(_offsets(raw, line))
        end = cell[-1].span.end - 1 if cell else 0
        parts.append("\n")
        offsets.append(Span(end, end))
    return "".join(parts), [*offsets, offsets[-1] if offsets else Span(0, 0)]


def _offsets(raw: str, line: Scalar) -> Iterator[Span]:
    """Yield where each character of a JSON string is written, escapes as one character."""
    at, end = line.span.start + 1, line.span.end - 1
    for escape in _ESCAPE.finditer(raw, at, end):
        start, after = escape.span()
        yield from map(Span, range(at, start), range(at + 1, start + 1))
        yield Span(start, after)
        at = after
    yield from map(Span, range(at, end), range(at + 1, end + 1))


def _as_python(cell: str) -> str:
    """Blank what only IPython reads, keeping every offset.

    A cell in another language, or a broken one that configures no training, is empty.
    """
    if shell_cell(cell) is not None or file_cell(cell) is not None:
        return blank(cell)
    program = without_magics(cell)
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        matters = program == cell and RECORDED.search(cell) is not None
        return cell if matters else blank(cell)
    return program


def _raw_position(
    error: SourceError, program: str, offsets: list[Span], text: str
) -> tuple[int, int]:
    lines = program.splitlines(keepends=True)
    offset = sum(map(len, lines[: error.line - 1])) + error.column - 1
    return position(text, offsets[min(offset, len(offsets) - 1)].start)


def _placed(found: Document, raw: str, offsets: list[Span]) -> Document:
    """Return a document of one cell, or of several, with its places in the notebook's text."""
    return replace(
        found,
        text=raw,
        roots=tuple(_moved(root, offsets) for root in found.roots),
        comments=tuple(_moved_comment(comment, offsets) for comment in found.comments),
    )


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
        return Span(start, start)
    return Span(offsets[span.start].start, offsets[span.end - 1].end)
