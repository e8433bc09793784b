"""Memory of the logits and the loss, which recomputing layers does not touch.

Source: ``ForCausalLMLoss`` (transformers/loss/loss_utils.py): the logits are turned to float32; the
backward pass holds log-probabilities, their gradient and the logits' gradient at once. A fused loss
(Liger, cut cross-entropy, TRL from 1.6, unsloth) works on a few rows at a time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.models.memory_setup import HALF, SINGLE, Part

if TYPE_CHECKING:
    from lora_advisor.models.memory_setup import Setup

COPIES: Final = 3
_LOSS: Final = (
    "https://github.com/huggingface/transformers/blob/main/src/transformers/loss/loss_utils.py"
)
_FUSED: Final = "https://github.com/linkedin/Liger-Kernel"


def logits(best: Setup, worst: Setup) -> Part:
    """Return the part of logits and loss, 0 for a model without an output head."""
    low, high = (_bytes(setup) for setup in (best, worst))
    source = _FUSED if worst.fused_loss else _LOSS
    return Part(name="logits", low=low, high=high, formula=_told(worst), source=source)


def row_bytes(setup: Setup) -> int:
    """Return the bytes of a value of the logits as the model makes them."""
    if setup.autocast:
        return HALF
    upcast = setup.upcast and setup.bits != 16  # noqa: PLR2004 - bits of a plain weight
    return SINGLE if upcast else setup.dtype_bytes or HALF


def _bytes(setup: Setup) -> int:
    tokens, vocabulary = setup.tokens or 0, setup.vocabulary
    if not tokens or not vocabulary:
        return 0
    if setup.fused_loss:
        rows = _rows(tokens, vocabulary, setup.hidden)
        return rows * vocabulary * (HALF + SINGLE) + tokens * setup.hidden * SINGLE
    held = row_bytes(setup) if setup.holds_outputs else 0
    return tokens * vocabulary * (COPIES * SINGLE + held)


def _rows(tokens: int, vocabulary: int, hidden: int) -> int:
    """Return how many rows Liger takes at once: as many pieces as the logits are wider."""
    pieces = max(math.ceil(vocabulary / max(hidden, 1)), 1)
    rows = math.ceil(tokens / pieces)
    return 1 << (rows - 1).bit_length() if rows > 1 else 1


def _told(setup: Setup) -> str:
    if not setup.vocabulary:
        return "the model has no output head"
    if setup.fused_loss:
        return "a fused loss takes the logits a few rows at a time"
    size = f"{setup.tokens or 0:,} tokens × {setup.vocabulary:,} entries"
    held = f" + {row_bytes(setup)} B of logits held" if setup.holds_outputs else ""
    return f"{size} × ({COPIES} copies of 4 B{held})"
