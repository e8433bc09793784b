"""GPUs by name or by memory."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Final

from lora_advisor.pattern import pattern
from lora_advisor.record import record

GIB: Final = 2**30
_SIZED: Final = pattern(r"[\s-]+\d+\s*gi?b$", re.IGNORECASE)
_SIZE: Final = pattern(r"(\d+(?:\.\d+)?)\s*(?:gb|gib|g)?")


class GpuError(ValueError):
    """A GPU nobody knows; the message says what is understood."""


@record
class Gpu:
    """A GPU: its name, memory in bytes, and whether it computes in bfloat16 (None: unknown)."""

    name: str
    memory: float
    bfloat16: bool | None


@cache
def known() -> dict[str, Gpu]:
    """Return every GPU of the table, by its name in lower case without signs."""
    rows = json.loads((Path(__file__).parent / "gpus.json").read_bytes())
    return {
        _plain(name): Gpu(name=name, memory=memory * GIB, bfloat16=bfloat16)
        for name, (memory, bfloat16) in rows.items()
    }


def find(text: str) -> Gpu:
    """Return the GPU that a user means by ``24GB``, ``A100-80GB`` or ``RTX 4090``.

    Raises:
        GpuError: No GPU is known by that name; the message lists those that are.
    """
    names = (_plain(text), _plain(f"rtx{text}"), _plain(_SIZED.sub("", text.strip())))
    found = next((known()[name] for name in names if name in known()), None)
    if found is not None:
        return found
    size = _SIZE.fullmatch(text.strip().lower())
    if size is not None and float(size[1]) > 0:
        return Gpu(name=f"{float(size[1]):g} GB", memory=float(size[1]) * GIB, bfloat16=None)
    close = [gpu.name for key, gpu in known().items() if names[0] and key.startswith(names[0])]
    understood = close or [gpu.name for gpu in known().values()]
    told = f"say its memory (24GB) or one of {', '.join(understood)}"
    raise GpuError(f"{text!r} is no known GPU; {told}")


def roomiest(text: str) -> Gpu:
    """Return the GPU as :func:`find` does, and of sizes that share a name the largest.

    What a check says of a ``V100`` by its memory then holds for either of them.
    """
    names = (_plain(text), _plain(f"rtx{text}"))
    named = ((gpu, _SIZED.sub("", gpu.name)) for gpu in known().values())
    sizes = [gpu for gpu, name in named if name != gpu.name and _plain(name) in names]
    return max(sizes, key=lambda gpu: gpu.memory, default=None) or find(text)


def _plain(name: str) -> str:
    return re.sub(r"nvidia|geforce|tesla|quadro|sxm\d?|pcie|[^a-z0-9]", "", name.lower())
