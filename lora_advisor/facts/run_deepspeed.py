"""Facts of a DeepSpeed config that a trainer fills in: what differs, what it cannot compare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._arguments import item
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN, Item, Location
from lora_advisor.source.scalars import is_unknown, json_value, plain_value
from lora_advisor.source.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Entry

_COMPARED: Final = frozenset(
    {"bf16.enabled", "fp16.enabled", "gradient_clipping", "gradient_accumulation_steps"}
    | {"train_batch_size", "train_micro_batch_size_per_gpu", "optimizer.params.lr"}
    | {"optimizer.params.eps", "optimizer.params.weight_decay"}
)
"""Values that have to equal the trainer's own (``HfTrainerDeepSpeedConfig.fill_match``)."""
_TWICE: Final = {
    "optimizer.params.lr": ("train.learning_rate",),
    "optimizer.params.weight_decay": ("train.weight_decay",),
    "optimizer.params.betas": ("train.adam_beta1", "train.adam_beta2"),
    "scheduler.params.warmup_max_lr": ("train.learning_rate",),
    "gradient_clipping": ("train.max_grad_norm",),
}
"""Numbers of DeepSpeed's config and the fields of the training that have to equal them."""
_FILLED_IN: Final = pattern(r":\s*\"auto\"")
_VALUE: Final = pattern(r"true|false|[-+]?\d[\d.]*(?:e[-+]?\d+)?", re.IGNORECASE)


def texts_of_deepspeed(recipe: Recipe) -> tuple[Item, ...]:
    """Values in quotes where transformers compares with a number or a switch of its own.

    Only transformers and accelerate fill an ``auto`` in; where there is none, DeepSpeed may be
    started by a program that compares nothing.
    """
    if recipe.framework != "deepspeed" or not _FILLED_IN.search(recipe.document.text):
        return ()
    return tuple(
        item(key, key.node.text)
        for key in recipe.keys
        if key.path in _COMPARED and isinstance(key.node, Scalar)
        if not key.node.plain and _VALUE.fullmatch(key.node.text)
    )


def numbers_stated_twice(recipe: Recipe) -> tuple[Item, ...]:
    """Numbers of the DeepSpeed file of this launch that the training has otherwise.

    The hint is what the training has.
    """
    stage = recipe["run.zero_stage"].key_at
    if stage is None or stage.document.format != "json" or stage.document is recipe.document:
        return ()
    found = []
    for path, fields in _TWICE.items():
        entry, wanted = _entry(stage.document.root, path), [recipe[name].value for name in fields]
        if entry is None or UNKNOWN in wanted:
            continue
        numbers = _numbers(entry)
        if len(numbers) == len(wanted) and numbers != wanted:
            at = Location(document=stage.document, span=entry.key.span)
            shown, hint = _shown(numbers), str(_shown(wanted))
            found.append(Item(path=path, at=at, value=shown, hint=hint))
    return tuple(found)


def _entry(node: object, path: str) -> Entry | None:
    """Return the entry under a dotted path."""
    name, _, rest = path.partition(".")
    entries = node.entries if isinstance(node, Mapping) else ()
    found = next((entry for entry in entries if entry.key.text == name), None)
    return _entry(found.value, rest) if found is not None and rest else found


def _numbers(entry: Entry) -> list[float]:
    """Return the numbers of a value, none where something else stands among them."""
    nodes = entry.value.items if isinstance(entry.value, Sequence) else [entry.value]
    values = [None if is_unknown(node) else plain_value(node, json_value) for node in nodes]
    numbers = [
        float(value)
        for value in values
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    return numbers if len(numbers) == len(values) else []


def _shown(numbers: list[Any]) -> Any:
    return numbers[0] if len(numbers) == 1 else numbers
