"""An estimate of the memory a LoRA training needs on one GPU, part by part, with its range.

The parts add up to the peak. It lies either at the loss, when all layers' kept activations meet the
logits, or inside the layer that is worked on; the larger one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lora_advisor.models.memory_activations import activations, kept
from lora_advisor.models.memory_logits import logits, row_bytes
from lora_advisor.models.memory_setup import GIB, HALF, SINGLE, Part, Setup, settled
from lora_advisor.models.memory_training import adapters, gradients, optimizer
from lora_advisor.models.memory_weights import loaded, shares, weights

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALLOCATOR: Final = "https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-memory-management"
_WORKSPACE: Final = "https://docs.nvidia.com/cuda/cublas/#cublassetworkspace"
CONTEXT: Final = (GIB // 4, 3 * GIB // 4)
"""What the driver takes on a GPU before torch allocates: kernels and context, by card."""
BUFFERS: Final = (8 << 20, 64 << 20)
"""cuBLAS: 8 MiB for a stream (32 on Hopper), for one or two streams."""
FITS: Final = "fits"
FAILS: Final = "does not fit"
UNCERTAIN: Final = "uncertain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The parts of the peak, and whether the batch was known."""

    parts: tuple[Part, ...]
    complete: bool

    @property
    def low(self) -> int:
        """The least bytes on the GPU."""
        return sum(part.low for part in self.parts)

    @property
    def high(self) -> int:
        """The most bytes on the GPU."""
        return sum(part.high for part in self.parts)

    @property
    def likely(self) -> int:
        """The middle of the range."""
        return sum(part.likely for part in self.parts)

    @property
    def reserved(self) -> int:
        """The likely bytes that torch's allocator reserves (``max_memory_reserved``)."""
        return sum(part.likely for part in self.parts if part.allocated)

    def part(self, name: str) -> Part:
        """Return a part by its name."""
        return next(part for part in self.parts if part.name == name)


def estimate(setup: Setup) -> Estimate:
    """Estimate the peak of a training; what is not known widens the range."""
    best, worst = settled(setup, best=True), settled(setup, best=False)
    loss = logits(best, worst)
    at_loss = loss.high >= kept(worst).passing
    if not at_loss:
        loss = Part(
            name=loss.name,
            low=0,
            high=0,
            formula=f"gone before the peak, which lies inside a layer ({loss.formula})",
            source=loss.source,
        )
    parts = [weights(best, worst), adapters(best, worst), gradients(best, worst)]
    parts += [optimizer(best, worst), activations(best, worst, at_loss=at_loss), loss]
    parts += [*_gathered(best, worst), _free_blocks(best, worst), _buffers(), _context()]
    return Estimate(parts=tuple(parts), complete=setup.tokens is not None)


def verdict(found: Estimate, memory: int) -> str:
    """Say whether an estimate fits a GPU's memory in bytes; unknown batches can only fail."""
    if found.low > memory:
        return FAILS
    return FITS if found.complete and found.high <= memory else UNCERTAIN


def _gathered(best: Setup, worst: Setup) -> Iterable[Part]:
    """Yield the weights that a sharded model gathers for the layers at work: two at a time."""
    if shares(worst) == 1:
        return
    low, high = (_layer_weights(setup) for setup in (best, worst))
    told = "two layers' weights gathered from all GPUs"
    source = "https://deepspeed.readthedocs.io/en/latest/memory.html"
    yield Part(name="gathered weights", low=low, high=2 * high, formula=told, source=source)


def _layer_weights(setup: Setup) -> int:
    """Return the bytes of the largest block of weights with a number in its name, or embedding."""
    sizes: dict[str, int] = {}
    for module, _, _, size in loaded(setup):
        parts = module.name.split(".")
        cut = next((i for i, part in enumerate(parts) if part.isdecimal()), len(parts) - 1)
        name = ".".join(parts[: cut + 1])
        sizes[name] = sizes.get(name, 0) + size
    return max(sizes.values(), default=0)


def _free_blocks(best: Setup, worst: Setup) -> Part:
    """Return what the allocator keeps unused: blocks freed that fit no later request.

    At most one block of each recurring large size, and the half-precision copies of what was turned
    to float32 after loading.
    """
    low = 0
    high = max(_blocks(setup) + _left_over(setup) for setup in (best, worst))
    told = "freed blocks of other sizes: up to one of each large kind"
    return Part(name="allocator", low=low, high=high, formula=told, source=_ALLOCATOR)


def _blocks(setup: Setup) -> int:
    tokens = setup.tokens or 0
    rows = 0 if setup.fused_loss else tokens * setup.vocabulary
    made = row_bytes(setup)
    kinds = {made, SINGLE}
    return int(rows * sum(kinds) + kept(setup).widest)


def _left_over(setup: Setup) -> int:
    """Return the bytes of the copies that ``prepare_model_for_kbit_training`` leaves behind."""
    if not setup.upcast or setup.bits == 16:  # noqa: PLR2004 - bits of a plain weight
        return 0
    least = 1 << 20
    wide = (count for _, _, count, size in loaded(setup) if size == count * SINGLE)
    return sum(count * HALF for count in wide if count * HALF > least)


def _buffers() -> Part:
    low, high = BUFFERS
    told = "cuBLAS workspaces: 8 MiB a stream, 32 MiB on Hopper"
    return Part(name="workspace", low=low, high=high, formula=told, source=_WORKSPACE)


def _context() -> Part:
    low, high = CONTEXT
    told = "driver context and loaded kernels, differs by card"
    return Part(
        name="context", low=low, high=high, formula=told, source=_ALLOCATOR, allocated=False
    )
