"""Which changes of a training free memory, each by estimating it anew with that change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lora_advisor.models.adapter import InjectionError, UnresolvedError
from lora_advisor.models.memory import estimate
from lora_advisor.models.memory_setup import HALF, SINGLE, Setup
from lora_advisor.models.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.models.memory import Estimate

LEAST: Final = 0.01
"""Share of the estimate below which a change is not worth naming."""
_MIN_LENGTH: Final = 512
_WIDE: Final = ("adamw_torch", "adamw_torch_fused", "adamw", "adamw_hf", "adamw_apex_fused")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Change:
    """A change of one field of a recipe: what it frees in bytes, and the estimate with it."""

    field: str
    value: object
    title: str
    frees: int
    then: Estimate


def changes(setup: Setup, now: Estimate) -> tuple[Change, ...]:
    """Return the changes that free memory, the one that frees most first."""
    found = [
        _change(field, value, title, changed, now)
        for field, value, title, changed in _candidates(setup)
    ]
    worth = [change for change in found if change.frees > LEAST * now.likely]
    return tuple(sorted(worth, key=lambda change: -change.frees))


def _change(field: str, value: object, title: str, setup: Setup, now: Estimate) -> Change:
    then = estimate(setup)
    return Change(field=field, value=value, title=title, frees=now.likely - then.likely, then=then)


def _candidates(setup: Setup) -> Iterator[tuple[str, object, str, Setup]]:
    """Yield every change that makes sense here: field, value, title, the setup with it."""
    if setup.bits == 16:  # noqa: PLR2004 - bits of a plain weight
        packed = replace(setup, bits=4, double_quant=True, upcast=False)
        yield "quant.load_in_4bit", True, "load the base in 4 bits (QLoRA)", packed
        if setup.dtype_bytes == SINGLE:
            half = replace(setup, dtype_bytes=HALF)
            yield "model.dtype", "bfloat16", "load the base in half precision", half
    if not setup.checkpointing:
        title = "recompute activations, for a slower step"
        recomputed = replace(setup, checkpointing=True)
        yield "train.gradient_checkpointing", True, title, recomputed
    if not setup.fused_loss and setup.vocabulary:
        title = "fuse the loss, so that the logits are never whole"
        yield "train.use_liger_kernel", True, title, replace(setup, fused_loss=True)
    if setup.attention == "eager":
        better = replace(setup, attention="sdpa")
        yield "model.attn_implementation", "sdpa", "attention without kept scores", better
    yield from _smaller(setup)
    yield from _lighter(setup)


def _smaller(setup: Setup) -> Iterator[tuple[str, object, str, Setup]]:
    if setup.batch is not None and setup.batch > 1:
        half = setup.batch // 2
        title = "halve the batch and double the accumulation"
        smaller = replace(setup, batch=half)
        yield "train.per_device_train_batch_size", half, title, smaller
    if setup.length is not None and setup.length // 2 >= _MIN_LENGTH:
        title = "halve the length; longer examples are cut"
        shorter = replace(setup, length=setup.length // 2)
        yield "data.max_length", setup.length // 2, title, shorter


def _lighter(setup: Setup) -> Iterator[tuple[str, object, str, Setup]]:
    """Yield changes of the adapter and its optimizer."""
    if setup.optimizer is None or setup.optimizer in _WIDE:
        lean = replace(setup, optimizer="paged_adamw_8bit")
        yield "train.optim", "paged_adamw_8bit", "optimizer states of 8 bits", lean
    if setup.resolution is None:
        return
    config = setup.resolution.config
    if config.use_dora:
        plain = _resolved(setup, use_dora=False)
        yield "lora.use_dora", False, "plain LoRA keeps no second result", plain
    if config.r > 1:
        title = "halve the rank"
        yield "lora.r", config.r // 2, title, _resolved(setup, r=config.r // 2)


def _resolved(setup: Setup, **changed: object) -> Setup:
    """Return the setup with another adapter; the same where PEFT would refuse that."""
    if setup.resolution is None:
        return setup
    config = replace(setup.resolution.config, **changed)  # type: ignore[arg-type]
    try:
        return replace(setup, resolution=resolve(config, setup.table))
    except (InjectionError, UnresolvedError):
        return setup
