"""Facts of NeMo Automodel's ``peft`` section, whose three ways to choose layers exclude each other.

Source: ``nemo_automodel.components._peft.module_matcher.ModuleMatcher``, Automodel 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.source.tree import Scalar, Sequence

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe


def layers_chosen_twice(recipe: Recipe) -> bool:
    """Whether both ``target_modules`` and ``exclude_modules`` name layers."""
    return _names(recipe, "target_modules") and _names(recipe, "exclude_modules")


def all_linear_beside_names(recipe: Recipe) -> bool:
    """Whether ``match_all_linear`` is on beside a list of layers."""
    found = [key.node for key in recipe.keys if key.path == "peft.match_all_linear"]
    on = any(isinstance(node, Scalar) and node.text.lower() == "true" for node in found)
    return on and (_names(recipe, "target_modules") or _names(recipe, "exclude_modules"))


def _names(recipe: Recipe, key: str) -> bool:
    """Whether a key of the section holds at least one name."""
    nodes = [one.node for one in recipe.keys if one.path == f"peft.{key}"]
    return any(bool(node.items) if isinstance(node, Sequence) else _is_text(node) for node in nodes)


def _is_text(node: object) -> bool:
    return isinstance(node, Scalar) and node.text not in ("", "null", "~", "None", "none")
