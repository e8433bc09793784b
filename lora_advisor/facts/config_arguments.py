"""Facts of what torchtune's components must be given, and are not.

Source: ``torchtune.models``, ``torchtune.training.checkpointing`` of release 0.6.1: each section is
handed to the function or class that it names, and nothing else is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._written import key_at
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Recipe

_REQUIRED: Final = (
    (pattern(r"torchtune\.models\.\w+\.q?lora_\w+"), ("lora_attn_modules",)),
    (
        pattern(r"torchtune\.\w+\.FullModel(?:HF|Meta|TorchTune)Checkpointer"),
        ("checkpoint_dir", "checkpoint_files", "model_type", "output_dir"),
    ),
)
"""Arguments without a default, by the component that has them."""


def arguments_left_out(recipe: Recipe) -> tuple[Item, ...]:
    """Arguments without a default that a torchtune file leaves out; the value is the component.

    A command line only changes some values of a file.
    """
    if recipe.framework != "torchtune" or recipe.document.format == "shell":
        return ()
    return tuple(_lacking(recipe))


def _lacking(recipe: Recipe) -> Iterator[Item]:
    for section in ("model", "checkpointer"):
        named = key_at(recipe, f"{section}._component_")
        component = getattr(named.node, "text", "") if named is not None else ""
        for name in _required(component):
            path = f"{section}.{name}"
            if named is not None and key_at(recipe, path) is None:
                yield Item(path=path, at=named.key_at, value=component, hint=name)


def _required(component: str) -> tuple[str, ...]:
    return next((names for known, names in _REQUIRED if known.fullmatch(component)), ())
