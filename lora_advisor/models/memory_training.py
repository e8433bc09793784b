"""Memory of what is trained: adapters, their gradients, and the optimizer's states.

Sources: ``cast_adapter_dtype`` (peft/tuners/tuners_utils.py), ``torch.optim``,
``bitsandbytes.optim.optimizer`` (a state of 8 bits from 4096 values on, one scale for each 256).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.models.memory_setup import HALF, SINGLE, Part
from lora_advisor.models.memory_weights import shares

if TYPE_CHECKING:
    from lora_advisor.models.memory_setup import Setup

MIN_8BIT: Final = 4096
STATE_BLOCK: Final = 256
_PEFT: Final = "https://github.com/huggingface/peft/blob/main/src/peft/tuners/tuners_utils.py"
_BNB: Final = (
    "https://github.com/bitsandbytes-foundation/bitsandbytes/blob/main/bitsandbytes/optim/"
    "optimizer.py"
)
_TORCH: Final = "https://docs.pytorch.org/docs/stable/optim.html"
_GRADIENTS: Final = "https://huggingface.co/docs/transformers/model_memory_anatomy"
_ONE_STATE: Final = ("lion", "sgd_momentum", "muon", "rmsprop", "adagrad")
_STAGE_OF_STATES: Final = 1
_STAGE_OF_GRADIENTS: Final = 2


def trained_sizes(setup: Setup) -> list[tuple[int, ...]]:
    """Return the shapes of the trained tensors, as far as they decide the optimizer's memory.

    An adapter is counted as its two matrices; what is trained in full as one tensor.
    """
    if setup.resolution is None:
        return []
    found: list[tuple[int, ...]] = []
    for item in (*setup.resolution.modules, *setup.resolution.parameters):
        found += _matrices(item.name, item.rank, item.parameters, setup)
    whole = [*setup.resolution.saved.values(), setup.resolution.biases]
    return found + [(count,) for count in whole if count]


def _matrices(name: str, rank: int, count: int, setup: Setup) -> list[tuple[int, ...]]:
    module = setup.table.by_name.get(name)
    shape = module.shape("weight") if module is not None else None
    if shape is None or len(shape) != 2 or not count:  # noqa: PLR2004 - a matrix
        return [(count,)] if count else []
    sizes: list[tuple[int, ...]] = [(rank, side) for side in shape]
    rest = count - sum(math.prod(size) for size in sizes)
    return sizes + ([(rest,)] if rest > 0 else [])


def adapters(best: Setup, worst: Setup) -> Part:
    """Return the part of the adapters and of the copies of modules trained in full."""
    count = worst.resolution.trainable if worst.resolution is not None else 0
    low, high = (_adapter_bytes(setup) // shares(setup) for setup in (best, worst))
    told = f"{count:,} trainable parameters × {_width(worst)} B"
    return Part(name="adapters", low=low, high=high, formula=told, source=_PEFT)


def _adapter_bytes(setup: Setup) -> int:
    found = setup.resolution
    if found is None:
        return 0
    copies = sum(found.saved.values()) * (setup.dtype_bytes or HALF)
    own = sum(item.parameters for item in (*found.modules, *found.parameters))
    return own * (setup.adapter_bytes or SINGLE) + copies


def gradients(best: Setup, worst: Setup) -> Part:
    """Return the part of the gradients, in the type of what is trained."""
    low, high = (
        _adapter_bytes(setup) // _spread(setup, _STAGE_OF_GRADIENTS) for setup in (best, worst)
    )
    if (worst.processes or 1) > 1 and not worst.sharding:
        high *= 2  # DDP's buckets hold a second copy
    told = f"as many bytes as the adapters ({_width(worst)} B each)"
    return Part(name="gradients", low=low, high=high, formula=told, source=_GRADIENTS)


def optimizer(best: Setup, worst: Setup) -> Part:
    """Return the part of the optimizer's states; paged ones may leave the GPU when it is full."""
    low, high = (state_bytes(setup) // _spread(setup, _STAGE_OF_STATES) for setup in (best, worst))
    name = worst.optimizer or ""
    if name.startswith("paged_") or worst.offload:
        low = 0
    source = _BNB if "bit" in name else _TORCH
    return Part(name="optimizer", low=low, high=high, formula=_told(name), source=source)


def state_bytes(setup: Setup) -> int:
    """Return the bytes of the optimizer's states for everything that is trained."""
    name = setup.optimizer or ""
    return sum(_state(size, name, setup) for size in trained_sizes(setup))


def _state(size: tuple[int, ...], name: str, setup: Setup) -> int:
    count = math.prod(size)
    if "adafactor" in name:
        return SINGLE * (sum(size) if len(size) > 1 else count)
    if name in ("sgd", "lomo", "adalomo"):
        return 0
    states = 1 if any(word in name for word in _ONE_STATE) else 2
    if "8bit" in name:
        return states * _in_8_bits(count)
    if "4bit" in name:
        return states * _in_4_bits(count)
    wide = SINGLE if "32bit" in name else setup.adapter_bytes or SINGLE
    return states * count * wide


def _in_8_bits(count: int) -> int:
    if count < MIN_8BIT:
        return count * SINGLE
    return count + math.ceil(count / STATE_BLOCK) * SINGLE


def _in_4_bits(count: int) -> int:
    if count < MIN_8BIT:
        return count * SINGLE
    return count // 2 + math.ceil(count / 128) * SINGLE


def _told(name: str) -> str:
    if "adafactor" in name:
        return f"{name}: one value for each row and column"
    if "8bit" in name:
        return f"{name}: 1 B a state and parameter, a scale for each {STATE_BLOCK}"
    states = 1 if any(word in name for word in _ONE_STATE) else 2
    return f"{name}: {states} states of each trained parameter"


def _spread(setup: Setup, from_stage: int) -> int:
    return max(setup.processes or 1, 1) if (setup.sharding or 0) >= from_stage else 1


def _width(setup: Setup) -> int:
    return setup.adapter_bytes or SINGLE
