"""The collator that a script's trainer gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.frameworks.python_flow import Identity, argument, identity
from lora_advisor.source.scalars import is_unknown, python_value
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Entry, Node


def settle_collator(draft: Draft, calls: Sequence[Entry]) -> None:
    """Read the collator that the trainer gets, or the one that is made where that is uncertain."""
    given = [argument(call, "data_collator") for call in _trainers(calls)]
    if given and all(value is None or _is_none(value) for value in given):
        draft.put("data.collator", None, None)
    if given and all(_is_none(value) for value in given):
        return
    made = [call for call in calls if call.key.text.startswith("DataCollator")]
    got = {identity(value) for value in given if isinstance(value, Mapping)}
    for call in [call for call in made if identity(call.value) in got] or made:
        draft.put("data.collator", call.key.text, draft.written(call.key.text))


def _trainers(calls: Sequence[Entry]) -> list[Entry]:
    """Return the trainers that get the recipe's own arguments, else all of them."""
    every = [call for call in calls if call.key.text.endswith("Trainer")]
    own = {key for call in calls if (key := identity(call.value))}
    fed = [call for call in every if _arguments(call) in own]
    return fed or every


def _arguments(trainer: Entry) -> Identity:
    given = argument(trainer, "args")
    return () if given is None else identity(given)


def _is_none(value: Node | None) -> bool:
    return isinstance(value, Scalar) and not is_unknown(value) and python_value(value) is None
