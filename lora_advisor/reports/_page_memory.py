"""The memory of a training as bars: the whole against a GPU, and every part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.memory import FAILS, FITS, verdict
from lora_advisor.models.memory_setup import GIB
from lora_advisor.reports._inspection import range_of

if TYPE_CHECKING:
    from lora_advisor.gpus import Gpu
    from lora_advisor.models.memory import Estimate
    from lora_advisor.models.memory_setup import Part

_MOODS: Final = {FITS: "fine", FAILS: "error"}


def memory(found: Estimate | None, gpu: Gpu | None) -> dict[str, Any] | None:
    """Return the bars of an estimate in hundredths of one scale, the same for all of them."""
    if found is None or not found.high:
        return None
    scale = max(found.high, int(gpu.memory) if gpu is not None else 0)
    told = verdict(found, int(gpu.memory)) if gpu is not None else ""
    return {
        "range": f"{found.low / GIB:.1f} to {found.high / GIB:.1f} GiB",
        "bar": _bar(found.low, found.high, scale),
        "parts": [_part(part, scale) for part in found.parts if part.high],
        "gpu": gpu.name if gpu is not None else "",
        "line": 100 * gpu.memory / scale if gpu is not None else 0.0,
        "verdict": told,
        "mood": _MOODS.get(told, "faint"),
    }


def _part(part: Part, scale: int) -> dict[str, Any]:
    return {
        "name": part.name,
        "range": range_of(part),
        "bar": _bar(part.low, part.high, scale),
        "formula": part.formula,
    }


def _bar(low: int, high: int, scale: int) -> dict[str, float]:
    """Return what is needed surely, and at most."""
    return {"sure": 100 * low / scale, "most": 100 * high / scale}
