"""Readings of values that several frameworks spell in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_DTYPES: Final = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "half": "float16"}


def dtype(value: object) -> object:
    """Name a dtype as torch does: ``bf16`` and ``torch.bfloat16`` are ``bfloat16``."""
    if not isinstance(value, str):
        return value
    name = value.removeprefix("torch.")
    return _DTYPES.get(name, name)


def unless_auto(value: object) -> object:
    """Read a value that is none when it says ``auto``."""
    return UNKNOWN if value == "auto" else value


def all_linear_alone(value: object) -> object:
    """Read ``[all-linear]`` as the word, for frameworks that unwrap it."""
    return "all-linear" if value == ["all-linear"] else value


def optimizer(value: object) -> object:
    """Name an optimizer class as transformers does; only those that mean the same."""
    name = value.rpartition(".")[2].lower() if isinstance(value, str) else value
    return "adamw_torch" if name == "adamw" else UNKNOWN


def positive(value: object) -> object:
    """Read a switch that is a rank: above 0 is on."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value > 0 if number else UNKNOWN  # type: ignore[operator]


def quantise(draft: Draft, four: object, eight: object) -> None:
    """Set bitsandbytes as the quantiser where either switch is on, none where both are off."""
    known = isinstance(four, bool) and isinstance(eight, bool)
    source = draft.values.get("quant.load_in_4bit") or draft.values.get("quant.load_in_8bit")
    if known:
        draft.put("quant.method", "bitsandbytes" if four or eight else None, source, default=True)


def put_default(draft: Draft, field: str, value: object) -> None:
    """Set a field that the framework fills itself, unless the file does."""
    if field not in draft.values:
        draft.put(field, value, None)


def put_precision(draft: Draft) -> None:
    """Train in the 16 bits that ``mixed_precision`` names, as accelerate does."""
    precision = draft.values.get("run.mixed_precision")
    if precision is not None and precision.value in ("fp16", "bf16", "no"):
        for name in ("fp16", "bf16"):
            chosen = precision.value == name
            draft.put(f"train.{name}", chosen, precision if chosen else None)
