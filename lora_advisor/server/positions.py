"""Places of ours, in characters from 1, and positions of the protocol, in the client's units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.workspace import ServerTextPosition, ServerTextRange

from lora_advisor.source.position import position

if TYPE_CHECKING:
    from pygls.workspace import TextDocument

    from lora_advisor.findings import Place
    from lora_advisor.source.edits import Edit


def range_of(place: Place, document: TextDocument) -> types.Range:
    """Turn a place into a range in the client's units."""
    return _range(document, (place.line, place.column), (place.end_line, place.end_column))


def range_of_span(start: int, end: int, document: TextDocument) -> types.Range:
    """Turn character offsets into a range in the client's units."""
    return _range(document, position(document.source, start), position(document.source, end))


def _range(document: TextDocument, start: tuple[int, int], end: tuple[int, int]) -> types.Range:
    ends = [
        ServerTextPosition(line=line - 1, character=column - 1) for line, column in (start, end)
    ]
    return document.range_to_client_units(ServerTextRange(start=ends[0], end=ends[1]))


def offset_of(position: types.Position, document: TextDocument) -> int:
    """Turn a position of the client into a character offset."""
    return document.offset_at_position(position)


def text_edit(edit: Edit, document: TextDocument) -> types.TextEdit:
    """Turn one of our edits into one of the protocol's."""
    return types.TextEdit(range=range_of_span(edit.start, edit.end, document), new_text=edit.text)
