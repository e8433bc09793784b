"""Facts of mixtures of experts: whether targets reach the experts, and the routers before them.

Source: ``peft.utils.transformers_weight_conversion``, release 0.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import base_model, table_of
from lora_advisor.facts._listed import entries
from lora_advisor.models.conversion import mapping_of
from lora_advisor.models.matching import ALL_LINEAR, positions
from lora_advisor.models.table import LINEAR

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.models.table import Module, ModuleTable
    from lora_advisor.recipe import Item, Lora, Recipe
    from lora_advisor.targets import Targets

_TARGETS: Final = "lora.target_modules"
_LISTS_NAMES: Final = frozenset({"llamafactory", "llamafactory-v1", "ms-swift", "xtuner"})
_IN_EXPERTS: Final = frozenset({"gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"})
_ROUTERS: Final = frozenset({"gate", "router", "wg", "switch"})


def router_targets(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries that hit the router of a mixture of experts, as a layer or as its parameter."""
    routers = {
        n
        for n, new in mapping_of(base_model(recipe, modules).model_type).items()
        if new == "gate.weight"
    }
    if named := entries(recipe, _TARGETS, lambda name: name.rpartition(".")[2] in routers):
        return named
    table = table_of(recipe, modules, targets)

    def router(name: str) -> Module | None:
        hit = (table.modules[i] for i in sorted(positions(table, [name])))
        return next((m for m in hit if m.leaf in _ROUTERS and m.kind in LINEAR), None)

    found = entries(recipe, _TARGETS, lambda name: router(name) is not None)
    return tuple(item for item in found if _has_experts(table))


def _has_experts(table: ModuleTable) -> bool:
    return any(module.leaf == "experts" for module in table.modules)


def fused_pair_missing(recipe: Recipe, lora: Lora, modules: Lookup) -> tuple[str, ...]:
    """Names that have to stand beside the written ones, because the experts fuse them."""
    mapping = mapping_of(base_model(recipe, modules).model_type)
    names = lora.target_modules
    pair = [old for old, new in mapping.items() if new == "gate_up_proj"]
    if not isinstance(names, list):
        return ()
    written = {old for old in pair for name in names if name == old or name.endswith(f".{old}")}
    return tuple(sorted(set(pair) - written)) if written else ()


def fused_pair_broken(recipe: Recipe, lora: Lora, modules: Lookup) -> bool:
    """Whether only one name of a pair that the experts fuse is written."""
    return bool(fused_pair_missing(recipe, lora, modules))


def adapts_experts(recipe: Recipe, lora: Lora, modules: Lookup) -> bool:
    """Whether PEFT turns targets into adapters on fused experts, which take no dropout."""
    mapping = mapping_of(base_model(recipe, modules).model_type)
    names = lora.target_modules
    if isinstance(names, str):
        every = names.lower() == ALL_LINEAR and not lists_linear_names(recipe)
        return bool(mapping) and every
    return any(name.rpartition(".")[2] in mapping for name in names or ())


def lists_linear_names(recipe: Recipe) -> bool:
    """Whether the framework looks for linear layers itself and gives PEFT their names.

    Fused experts are no layers and are not found; PEFT's own ``all-linear`` means them, too.
    """
    by_switch = recipe["lora.target_modules"].key == "lora_target_linear"
    return recipe.framework in _LISTS_NAMES or (recipe.framework == "axolotl" and by_switch)


def skipped_experts(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> str:
    """Name the expert parameters that targets such as ``up_proj`` do not reach, empty if none."""
    table = table_of(recipe, modules, targets)
    names = lora.target_modules
    meant = _means_experts(names, lists=recipe.framework in _LISTS_NAMES)
    if mapping_of(table.model_type) or lora.target_parameters or not meant:
        return ""
    for module in table.modules:
        own = [name for name, shape in module.parameters if len(shape) == 3]  # noqa: PLR2004
        if module.leaf == "experts" and own:
            return ", ".join(f"`experts.{name}`" for name in own if "bias" not in name)
    return ""


def _means_experts(names: list[str] | str | None, *, lists: bool) -> bool:
    """Whether targets are meant for the experts: by a name, or as all layers in PEFT's own word.

    A framework that ``lists`` layers itself has no key for parameters.
    """
    listed = isinstance(names, list) and not _IN_EXPERTS.isdisjoint(names)
    return listed or (names == ALL_LINEAR and not lists)


def expert_rewrite_sure(targets: Targets) -> bool:
    """Whether the releases in use surely turn expert names into adapters on fused parameters."""
    return targets.surely_hold({"transformers": ">=5", "peft": ">=0.19"})
