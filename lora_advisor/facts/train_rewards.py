"""Facts of reward models that a script loads itself.

Source: ``trl.RewardTrainer`` of release 1.16, which asks for a model with one label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import config_value
from lora_advisor.facts._script import call_item, called
from lora_advisor.frameworks.python_flow import argument, owner
from lora_advisor.recipe import Item, Location
from lora_advisor.source.scalars import is_unknown, python_value
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Entry

_DEFAULT: Final = 2
"""Labels of a classifier that is made of a checkpoint without a head."""


def many_rewards(recipe: Recipe, modules: Lookup) -> tuple[Item, ...]:
    """Where the one classifier that a reward trainer can get has several labels.

    The value says how many.
    """
    loads = [
        call
        for call in called(recipe, "from_pretrained")
        if owner(call).endswith("ForSequenceClassification")
    ]
    if len(loads) != 1 or not called(recipe, "RewardTrainer"):
        return ()
    labels = _labels(loads[0], recipe, modules)
    return (_place(recipe, loads[0], labels),) if labels not in (1, None) else ()


def _place(recipe: Recipe, load: Entry, labels: int | None) -> Item:
    """Return where the labels are written, else the call, whose hint says that it is silent."""
    entries = load.value.entries if isinstance(load.value, Mapping) else ()
    for entry in entries:
        if entry.key.text == "num_labels":
            at = Location(document=recipe.document, span=entry.key.span)
            return Item(path=f"{load.key.text}.num_labels", at=at, value=labels)
    return call_item(recipe, load, hint="default", value=labels)


def _labels(load: Entry, recipe: Recipe, modules: Lookup) -> int | None:
    """Return how many labels a classifier is loaded with, None where that is not known."""
    given = argument(load, "num_labels")
    if given is not None:
        known = isinstance(given, Scalar) and not is_unknown(given)
        value = python_value(given) if known and isinstance(given, Scalar) else None
        return value if isinstance(value, int) else None
    names = load.value.keys() if isinstance(load.value, Mapping) else []
    told = {"**", "config", "id2label", "label2id"} & set(names)
    if told or "num_labels" in recipe.document.text:
        return None
    kinds = config_value(recipe, modules, "architectures") or []
    headless = all(str(kind).endswith(("ForCausalLM", "LMHeadModel")) for kind in kinds)
    return _DEFAULT if kinds and headless else None
