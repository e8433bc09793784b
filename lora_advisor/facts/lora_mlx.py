"""Facts of the layers that mlx-lm is told to adapt, by their paths inside a block.

Source: ``mlx_lm.tuner.utils.linear_to_lora_layers`` and ``mlx_lm.models`` of release 0.32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import base_model, table_of
from lora_advisor.facts._written import texts_at
from lora_advisor.facts.lora_formats import bare_mlx_keys
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UnknownValueError
from lora_advisor.record import replace

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Item, Recipe
    from lora_advisor.targets import Targets

_KEYS: Final = "lora_parameters.keys"
_EXPERT: Final = pattern(r"(?P<home>.*)\bexperts\.(\d+|\*|N)\.(?P<layer>\w+)")
_LISTS_EXPERTS: Final = "dbrx"
"""The one architecture whose experts are modules of their own in mlx-lm, too."""
_SAME_NAMES: Final = frozenset({"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "phi3"})
"""Architectures whose layers mlx-lm names as transformers does."""
_IN_BLOCK: Final = pattern(r"model\.layers\.\d+\.(.+)")


def dead_mlx_keys(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Keys of mlx-lm that no module of the model has; the hint is what to write instead."""
    bare = {item.path for item in bare_mlx_keys(recipe)}
    written = [item for item in texts_at(recipe, _KEYS) if item.path not in bare]
    experts = [item for item in written if _EXPERT.fullmatch(str(item.value))]
    kind = _kind(recipe, modules)
    if experts:
        gone = kind != _LISTS_EXPERTS
        return tuple(replace(item, hint=_stacked(str(item.value))) for item in experts if gone)
    if kind not in _SAME_NAMES:
        return ()
    names = [module.name for module in table_of(recipe, modules, targets).modules]
    inside = {match.group(1) for name in names if (match := _IN_BLOCK.fullmatch(name))}
    return tuple(item for item in written if item.value not in inside.union(names))


def _kind(recipe: Recipe, modules: Lookup) -> str:
    try:
        return base_model(recipe, modules).model_type
    except UnknownValueError:
        return ""


def _stacked(key: str) -> str:
    """Return the key of all experts' layers at once."""
    match = _EXPERT.fullmatch(key)
    return f"{match['home']}switch_mlp.{match['layer']}" if match else ""
