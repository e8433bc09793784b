"""Nodes of values that follow from known ones: constants, ranges, a text's parts, conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.source.scalars import UNKNOWN_TAG
from lora_advisor.source.tree import Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ITEMS: Final = 2_000
"""Longest text or list that is built from parts."""
_ENUMS: Final = frozenset({"torch", "jnp", "np", "TaskType"})
"""Owners whose members stand for text of the same spelling (``torch.bfloat16``)."""
_LOWER_ENUMS: Final = frozenset(
    {"IntervalStrategy", "SaveStrategy", "SchedulerType", "OptimizerNames"}
)
"""Enums of transformers whose members stand for text in lower case."""
_RENAMED: Final = {
    "ADAMW_BNB": "adamw_bnb_8bit",
    "LION": "lion_32bit",
    "PAGED_ADAMW": "paged_adamw_32bit",
    "PAGED_ADEMAMIX": "paged_ademamix_32bit",
    "PAGED_LION": "paged_lion_32bit",
    "RMSPROP_8BIT": "rmsprop_bnb_8bit",
    "RMSPROP_32BIT": "rmsprop_bnb_32bit",
    "REDUCE_ON_PLATEAU": "reduce_lr_on_plateau",
}
"""Their members whose value has another name."""
_PREPARES: Final = frozenset(
    {"model", "use_gradient_checkpointing", "gradient_checkpointing_kwargs"}
)
"""What is given to ``prepare_model_for_kbit_training``, which returns the model."""
_KINDS: Final[dict[str, Callable[[Any], object]]] = {"int": int, "float": float, "str": str}


def unknown(span: Span) -> Scalar:
    """Return the node of a value nobody can tell without running the program."""
    return Scalar(text="", plain=True, span=span, tag=UNKNOWN_TAG)


def constant(value: object, span: Span) -> Node | None:
    """Return the node of a plain Python constant."""
    if isinstance(value, str):
        return Scalar(text=value, plain=False, span=span)
    if value is not None and not isinstance(value, (bool, int, float)):
        return None
    try:
        return Scalar(text=repr(value), plain=True, span=span)
    except ValueError:  # more digits than Python writes out
        return None


def member(owner: str, name: str, span: Span) -> Scalar | None:
    """Return what a member of a known enum stands for, None for any other attribute."""
    if owner in _ENUMS:
        return Scalar(text=name, plain=False, span=span)
    if owner in _LOWER_ENUMS:
        return Scalar(text=_RENAMED.get(name, name.lower()), plain=False, span=span)
    return None


def ranged(bounds: list[Any], span: Span) -> Node | None:
    """Return the numbers of ``range(…)``."""
    if not bounds or not all(isinstance(bound, int) for bound in bounds):
        return None
    try:
        numbers = range(*bounds)
    except (TypeError, ValueError):
        return None
    if numbers[MAX_ITEMS:]:  # the length of a longer one may be no number of C
        return None
    items = tuple(Scalar(text=str(number), plain=True, span=span) for number in numbers)
    return Sequence(items=items, span=span)


def parted(text: object, separator: object, span: Span) -> Node | None:
    """Return the parts of a text that is split at a separator."""
    if not isinstance(text, str) or not isinstance(separator, str) or not separator:
        return None
    parts = (Scalar(text=part, plain=False, span=span) for part in text.split(separator))
    return Sequence(items=tuple(parts), span=span)


def converted(name: str, value: object, span: Span) -> Node | None:
    """Return what ``int(…)``, ``float(…)`` or ``str(…)`` makes of a known value."""
    if name not in _KINDS or not isinstance(value, (str, int, float)):
        return None
    try:
        return constant(_KINDS[name](value), span)
    except (ValueError, OverflowError):
        return None


def made_by(node: Node | None) -> Mapping | None:
    """Return the call that made a value, before it was prepared for k-bit training."""
    while isinstance(node, Mapping) and "model" in node and _PREPARES.issuperset(node.keys()):
        node = node.get("model")
    return node if isinstance(node, Mapping) else None


def is_made_alike(one: Node | None, other: Node | None) -> bool:
    """Whether one call made two values, whatever became of them since."""
    first, second = made_by(one), made_by(other)
    return first is not None and second is not None and first.entries is second.entries
