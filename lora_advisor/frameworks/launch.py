"""How many processes a launcher starts, from its flags or from a comment that quotes its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.source.tree import Document, Span

_FLAGS: Final = frozenset({"num_processes", "nproc_per_node", "num_gpus", "nproc-per-node"})
_LINE: Final = pattern(
    r"(?:accelerate\s+launch|torchrun|deepspeed|torch\.distributed\.\w+)\s[^\n]*?"
    r"--(?:num_processes|nproc[_-]per[_-]node|num_gpus)(?:=|\s+)(\d+)"
)


def processes(flag: str, value: str) -> int | None:
    """Return the processes a launcher's flag states, None for any other flag."""
    return int(value) if flag in _FLAGS and value.isdigit() else None


def in_comments(document: Document) -> tuple[int, Span] | None:
    """Return what a comment such as ``# torchrun --nproc_per_node=4 train.py`` states, and where.

    Several comments that disagree state nothing.
    """
    found = [
        (int(match[1]), comment.span)
        for comment in document.comments
        if (match := _LINE.search(comment.text)) is not None
    ]
    return found[0] if len({number for number, _ in found}) == 1 else None
