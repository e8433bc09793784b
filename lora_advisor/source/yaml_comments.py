"""Comments of a YAML text: every ``#`` outside the scalars, found without a second parse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.tree import Comment, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COMMENT: Final = pattern("#[^\r\n\x85\u2028\u2029]*")


def comments_outside(text: str, scalars: Iterable[Span]) -> Iterator[Comment]:
    """Yield each comment in order; ``scalars`` are the spans of keys and values in text order."""
    covered = iter(scalars)
    current = next(covered, None)
    match = _COMMENT.search(text)
    while match is not None:
        position = match.start()
        while current is not None and current.end <= position:
            current = next(covered, None)
        if current is not None and current.start <= position:
            match = _COMMENT.search(text, current.end)
            continue
        yield Comment(text=match.group()[1:], span=Span(start=position, end=match.end()))
        match = _COMMENT.search(text, match.end())
