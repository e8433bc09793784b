"""The base model a recipe names: help for facts about its modules and its ``config.json``."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._memory import of_last_call
from lora_advisor.models.locate import ModelError
from lora_advisor.models.lookup import HINT
from lora_advisor.models.tasks import auto_class_of, table_for
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.locate import BaseModel
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.models.table import ModuleTable
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets

DIMENSIONS: Final = 3
KEPT: Final = 64
"""Tables of which a run remembers what it found."""
_AS_DEFAULT: Final = frozenset({"AutoModelForCausalLM", "AutoModelForImageTextToText"})


@of_last_call
def base_model(recipe: Recipe, modules: Lookup) -> BaseModel:
    """Return what is known of the base model; UnknownValueError where nothing is."""
    written = recipe["model.name_or_path"].value
    name = written if isinstance(written, str) else ""
    try:
        found = modules.model(name)
    except ModelError as error:
        raise UnknownValueError(str(error)) from None
    if found is None:
        of = f"of {name} " if name else ""
        raise UnknownValueError(f"the modules {of}are not known: {HINT}")
    return found


@of_last_call
def table_of(recipe: Recipe, modules: Lookup, targets: Targets) -> ModuleTable:
    """Return the base model's modules as the config loads it, for the transformers in use."""
    model = base_model(recipe, modules)
    written = recipe["model.name_or_path"].value
    name = written if isinstance(written, str) else ""
    loader = _auto_class(recipe, model)
    table = table_for(_task(recipe), loader, partial(modules.table, name))
    if table is None:
        raise UnknownValueError(f"the modules of {name or model.source} are not known: {HINT}")
    if table.transformers == 5 and not _holds(table, targets):  # noqa: PLR2004 - a major release
        raise UnknownValueError("its modules before transformers 5 are not known")
    if recipe.framework == "unsloth" and has_fused_experts(table):
        raise UnknownValueError("unsloth puts modules of its own in place of the experts")
    return table


def _auto_class(recipe: Recipe, model: BaseModel) -> str | None:
    """Return the class that makes another model than usual: one with a head, or without any."""
    written = recipe["model.auto_class"].value
    found = auto_class_of(written, model.model_type) if isinstance(written, str) else None
    return None if found in _AS_DEFAULT else found


def _task(recipe: Recipe) -> object:
    """Return the task that chooses a class where none is written."""
    written = recipe["model.auto_class"].value
    return None if written in _AS_DEFAULT else recipe["lora.task_type"].value


_RENAMED: Final = frozenset(
    """vit deit beit ijepa vit_mae vit_msn vivit audio-spectrogram-transformer dinov2
    dinov2_with_registers swin segformer detr conditional_detr deformable_detr nomic_bert
    vision-encoder-decoder""".split()  # noqa: SIM905 - a list of names
)
"""Types whose layers got other names in the course of transformers 5 (``query``, ``q_proj``)."""


def _holds(table: ModuleTable, targets: Targets) -> bool:
    """Whether the names hold for the releases in use: experts and image models were renamed."""
    if table.model_type in _RENAMED:
        return targets.may_hold({"transformers": ">=5.23"})
    if targets.may_hold({"transformers": ">=5"}):
        return True
    renamed = table.auto_class == "AutoModelForImageTextToText" or has_fused_experts(table)
    return not renamed


@lru_cache(KEPT)
def has_fused_experts(table: ModuleTable) -> bool:
    """Whether experts are parameters of three dimensions, not layers."""
    stacks = (m for m in table.modules if m.leaf == "experts")
    return any(len(shape) == DIMENSIONS for m in stacks for _, shape in m.parameters)


def config_value(recipe: Recipe, modules: Lookup, *names: str) -> Any:
    """Return the first of these fields that the model's ``config.json`` sets, None if none."""
    config = base_model(recipe, modules).config
    inner = config.get("text_config")
    for place in (config, inner if isinstance(inner, dict) else {}):
        for name in names:
            if place.get(name) is not None:
                return place[name]
    return None
