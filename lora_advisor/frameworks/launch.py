"""How a training is launched: processes and the GPUs they see, by flags or in a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.source.tree import Document, Span

_FLAGS: Final = frozenset(
    {"num_processes", "nproc_per_node", "num_gpus", "nproc-per-node", "NPROC_PER_NODE"}
)
_LAUNCHER: Final = r"(?:accelerate\s+launch|torchrun|deepspeed|torch\.distributed\.\w+)\s[^\n]*?"
_LINE: Final = pattern(
    rf"(?:{_LAUNCHER}--(?:num_processes|nproc[_-]per[_-]node|num_gpus)|NPROC_PER_NODE)(?:=|\s+)(\d+)"
)
_INCLUDED: Final = pattern(r"localhost:(\d+(?:,\d+)*)")
_VISIBLE: Final = pattern(r"CUDA_VISIBLE_DEVICES[\"']?\]?\s*=\s*[\"']?(\d+(?:\s*,\s*\d+)*)")
_PLAIN: Final = pattern(r"(?<![\w./-])(?:python3?|uv run)\s+(?!-m\s+torch)\S+\.py\b")


def processes(flag: str, value: str) -> int | None:
    """Return the processes a launcher's flag or variable states, None for any other flag."""
    included = _INCLUDED.fullmatch(value) if flag in ("include", "i") else None
    if included is not None:
        return included[1].count(",") + 1
    return int(value) if flag in _FLAGS and value.isdigit() else None


def devices(value: str) -> int | None:
    """Count the GPUs that ``CUDA_VISIBLE_DEVICES`` names, None where it is no list of numbers."""
    numbers = [part.strip() for part in value.split(",")]
    return len(numbers) if all(number.isdigit() for number in numbers) else None


def in_comments(document: Document) -> tuple[int, Span] | None:
    """Return the processes of a comment such as ``# torchrun --nproc_per_node=4 train.py``.

    With the place of the comment; several that disagree state nothing.
    """
    return _told(document, lambda text: (m := _LINE.search(text)) and int(m[1]))


def devices_in_comments(document: Document) -> tuple[int, Span] | None:
    """Return how many GPUs a plain ``# CUDA_VISIBLE_DEVICES=0,1 python train.py`` lets one see."""

    def visible(text: str) -> int | None:
        found = _VISIBLE.search(text)
        return devices(found[1]) if found is not None and _PLAIN.search(text) else None

    return _told(document, visible)


def _told(document: Document, read: Callable[[str], int | None]) -> tuple[int, Span] | None:
    found = [
        (number, comment.span)
        for comment in document.comments
        if (number := read(comment.text)) is not None
    ]
    return found[0] if len({number for number, _ in found}) == 1 else None
