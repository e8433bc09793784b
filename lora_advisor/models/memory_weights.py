"""Memory of the frozen base: plain weights, and what bitsandbytes packs and leaves unpacked.

Sources: ``bitsandbytes.functional.quantize_4bit`` and ``int8_vectorwise_quant`` (0.50),
``get_keys_to_not_convert`` (transformers/quantizers/base.py, 5.23),
``prepare_model_for_kbit_training`` (peft/utils/other.py, 0.21).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.models.memory_setup import HALF, SINGLE, Part
from lora_advisor.models.table import LINEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.models.memory_setup import Setup
    from lora_advisor.models.table import Module

BLOCK: Final = 64
OUTER_BLOCK: Final = 256
CODE: Final = 16 * SINGLE
OUTER_CODE: Final = 256 * SINGLE
_SOURCE: Final = (
    "https://github.com/bitsandbytes-foundation/bitsandbytes/blob/main/bitsandbytes/functional.py"
)
_WHOLE: Final = 16
_FOUR: Final = 4


def packed_bytes(count: int, *, double_quant: bool) -> int:
    """Return the bytes of a weight in 4 bits: codes, one scale a block, and their code book.

    Double quantisation packs the scales into 8 bits, with a float32 scale for each 256 of them,
    a code book of 256 values and an offset.
    """
    blocks = math.ceil(count / BLOCK)
    if not double_quant:
        return math.ceil(count / 2) + blocks * SINGLE + CODE
    outer = math.ceil(blocks / OUTER_BLOCK) * SINGLE
    return math.ceil(count / 2) + blocks + outer + OUTER_CODE + SINGLE + CODE


def is_packed(module: Module, setup: Setup) -> bool:
    """Whether bitsandbytes packs a layer: linear, not the head or a tied one, not skipped.

    Experts that are parameters of three dimensions are no layers, so they stay as they are.
    """
    if setup.bits == _WHOLE or module.kind not in LINEAR:
        return False
    kept = {setup.table.output_embedding, *setup.table.tied_modules, _last(setup)}
    if module.name in kept:
        return False
    return not any(s == module.name or s in module.name.split(".") for s in setup.skipped)


def _last(setup: Setup) -> str:
    """Return the module that holds the last parameter, which transformers never converts."""
    return next((m.name for m in reversed(setup.table.modules) if m.parameters), "")


def loaded(setup: Setup) -> Iterator[tuple[Module, str, int, int]]:
    """Yield every parameter of the base: its module, its own name, its number of values, bytes."""
    table = setup.table
    for module in table.modules:
        packed = is_packed(module, setup)
        for own, shape in module.parameters:
            if f"{module.name}.{own}" in table.shared_parameters:
                continue
            count = math.prod(shape)
            yield module, own, count, _bytes(count, own, shape, setup, packed=packed)


def _bytes(count: int, own: str, shape: tuple[int, ...], setup: Setup, *, packed: bool) -> int:
    if packed and own == "weight":
        if setup.bits == _FOUR:
            return packed_bytes(count, double_quant=bool(setup.double_quant))
        return count + shape[0] * SINGLE
    wide = setup.upcast and setup.bits != _WHOLE
    return count * (SINGLE if wide else setup.dtype_bytes or HALF)


def base_bytes(setup: Setup) -> int:
    """Return the bytes of the base's weights on one GPU, before sharding."""
    return sum(size for *_, size in loaded(setup))


def weights(best: Setup, worst: Setup) -> Part:
    """Return the part of the frozen base."""
    low, high = (base_bytes(setup) // shares(setup) for setup in (best, worst))
    return Part(name="base weights", low=low, high=high, formula=_formula(worst), source=_SOURCE)


def shares(setup: Setup) -> int:
    """Return over how many GPUs the parameters are spread (ZeRO-3, FSDP)."""
    from_stage = 3
    return max(setup.processes or 1, 1) if (setup.sharding or 0) >= from_stage else 1


def _formula(setup: Setup) -> str:
    count = setup.table.parameter_count
    whole = sum(n for m, own, n, _ in loaded(setup) if not (is_packed(m, setup) and own != "bias"))
    bytes_each = SINGLE if setup.upcast and setup.bits != _WHOLE else setup.dtype_bytes
    if setup.bits == _WHOLE:
        told = f"{_short(count)} parameters × {bytes_each} B"
    else:
        rate = "4 bits + scales" if setup.bits == _FOUR else "1 B + scales"
        told = f"{_short(count - whole)} × {rate}, {_short(whole)} left unpacked × {bytes_each} B"
    return f"{told} / {shares(setup)} GPUs" if shares(setup) > 1 else told


def _short(count: int) -> str:
    for limit, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return str(count)
