"""Facts of what the targets hit on the base model, as PEFT matches them.

Source: ``peft.tuners.tuners_utils``, release 0.21.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import KEPT, base_model, config_value, table_of
from lora_advisor.facts._listed import entries, is_plain_name
from lora_advisor.facts.lora_targets import bare_target, comma_target
from lora_advisor.facts.lora_variants import every_target_unlayered
from lora_advisor.models.adapter import AdapterConfig, InjectionError
from lora_advisor.models.conversion import mapping_of
from lora_advisor.models.defaults import DEFAULT_TARGETS
from lora_advisor.models.matching import ALL_LINEAR, all_linear, excluded, positions, targeted
from lora_advisor.models.releases import DEFAULTS_SINCE
from lora_advisor.models.resolve import MAMBA, MAMBA_REFUSED
from lora_advisor.models.table import ADAPTABLE, LINEAR, UNKNOWN_KIND
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UnknownValueError
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.models.lookup import Lookup
    from lora_advisor.models.table import Module, ModuleTable
    from lora_advisor.recipe import Item, Lora, Recipe
    from lora_advisor.targets import Targets

_TARGETS: Final = "lora.target_modules"
_CLOSE: Final = 0.75
_IN_TOWER: Final = pattern(r"(?:[^.]*\.){0,2}[^.]*(?:vision|visual|image|audio|vit)")
"""Of the first three parts of a module's name, one says that it is not of the language model."""


def targets_match(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> bool:
    """Whether the targets name at least one module of the base model.

    Text or entries that no module of any model could have are left to the rules about them.
    """
    table = table_of(recipe, modules, targets)
    names = lora.target_modules
    if names == ALL_LINEAR and recipe.framework == "llamafactory":
        return _finds_linear(table)
    if isinstance(names, str):
        return bare_target(lora) or comma_target(lora) or _pattern_matches(names, table)
    plain = [name for name in names or () if is_plain_name(name)]
    if len(plain) < len(names or ()) or not plain or lora.target_parameters:
        return True
    if every_target_unlayered(lora) and lora.layers_to_transform is not None:
        return False
    return any(_alive(name, table) for name in plain)


def _finds_linear(table: ModuleTable) -> bool:
    """Whether LLaMA-Factory's ``all`` finds a layer: it looks for classes named after ``Linear``.

    Source: ``llamafactory.model.model_utils.misc.find_all_linear_modules``.
    """
    if not table.complete:
        return True
    named = (m for m in table.modules if "Linear" in m.class_name)
    return any("lm_head" not in module.name for module in named)


def default_of_older_llamafactory_fails(recipe: Recipe, modules: Lookup, targets: Targets) -> bool:
    """Whether LLaMA-Factory has no default targets, or only names that the base model has not."""
    if not targets.may_hold({"llamafactory": "<0.1.7"}):
        return True
    table = table_of(recipe, modules, targets)
    return not any(_alive(name, table) for name in ("q_proj", "v_proj"))


def _pattern_matches(pattern: str, table: ModuleTable) -> bool:
    if pattern.lower().replace("_", "-").strip() in (ALL_LINEAR, "all"):
        return True
    if not table.complete:
        raise UnknownValueError("only the names of its layers are known, no whole paths")
    return bool(_hits(pattern, table))


def dead_targets(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries of the list that name no module of the base model; the hint is a close real name."""
    table = table_of(recipe, modules, targets)
    if not isinstance(lora.target_modules, list):
        return ()
    found = entries(recipe, _TARGETS, lambda n: is_plain_name(n) and not _alive(n, table))
    return tuple(replace(item, hint=_nearest(str(item.value), table)) for item in found)


def unadaptable_targets(
    recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets
) -> tuple[Item, ...]:
    """Entries that hit a module PEFT refuses, such as a norm; the hint is the module's class.

    Unsloth makes a pattern of them that only linear layers match (``get_peft_regex``).
    """
    if recipe.framework == "unsloth":
        return ()
    table = table_of(recipe, modules, targets)
    mapping = mapping_of(table.model_type)
    left_out = _left_out(lora, table)

    def refused(name: str) -> Module | None:
        if name.rpartition(".")[2] in mapping:
            return None
        hit = (table.modules[i] for i in sorted(positions(table, [name]) - left_out))
        return next((m for m in hit if m.kind not in ADAPTABLE | {UNKNOWN_KIND}), None)

    found = entries(recipe, _TARGETS, lambda name: refused(name) is not None)
    return tuple(replace(item, hint=_class_of(refused(str(item.value)))) for item in found)


def _class_of(module: Module | None) -> str:
    return module.class_name if module is not None else ""


def default_targets_known(recipe: Recipe, modules: Lookup, targets: Targets) -> bool:
    """Whether PEFT has targets of its own for the base model's architecture.

    With transformers 5 it loses them for a mixture of experts that it rewrites the targets of;
    an older release has none for the architectures that came later.
    """
    kind = base_model(recipe, modules).model_type
    if not kind:
        raise UnknownValueError("the model's architecture is not known")
    lost = bool(mapping_of(kind)) and targets.may_hold({"transformers": ">=5"})
    major, minor = DEFAULTS_SINCE.get(kind, (0, 0))
    newer = targets.may_hold({"peft": f">={major}.{minor}"})
    return kind in DEFAULT_TARGETS and newer and not lost


def layer_beyond(recipe: Recipe, lora: Lora, modules: Lookup) -> int | None:
    """Return a chosen layer that the base model does not have, None where it has them all."""
    chosen = lora.layers_to_transform
    numbers = [chosen] if isinstance(chosen, int) else chosen or []
    if not numbers:
        return None
    return next((n for n in sorted(numbers) if n >= layer_count(recipe, modules)), None)


def layer_count(recipe: Recipe, modules: Lookup) -> int:
    """Count the blocks of the base model, as its config states them."""
    if config_value(recipe, modules, "vision_config", "decoder_layers") is not None:
        raise UnknownValueError("the model has several stacks of layers")
    count = config_value(recipe, modules, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    if not isinstance(count, int):
        raise UnknownValueError("the model's number of layers is not known")
    return count


def vision_targets(
    recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets
) -> tuple[Item, ...]:
    """Entries that hit layers of an image or audio tower as well as of the language model.

    They are one item, at the first of them, whose value lists all.
    """
    table = table_of(recipe, modules, targets)
    left_out = _left_out(lora, table)

    def both(name: str) -> bool:
        hit = positions(table, [name]) - left_out
        return {bool(_IN_TOWER.match(table.modules[i].name)) for i in hit} == {True, False}

    found = entries(recipe, _TARGETS, both)
    names = [item.value for item in found]
    return tuple(replace(item, value=names) for item in found[:1])


def all_linear_tower(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> int:
    """Count the linear layers outside the language model that ``all-linear`` adapts."""
    table = table_of(recipe, modules, targets)
    if lora.target_modules != ALL_LINEAR:
        return 0
    spared = {table.modules[position].name for position in _left_out(lora, table)}
    return len(_linear_in_tower(table) - spared)


def tower_part(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> str:
    """Return the first layer of an image or audio tower that the targets adapt, empty if none."""
    table = table_of(recipe, modules, targets)
    names = lora.target_modules
    if names == ALL_LINEAR:
        hit = _linear_in_tower(table)
    elif isinstance(names, str) and not table.complete:
        raise UnknownValueError("only the names of its layers are known, no whole paths")
    else:
        every = _hits(names, table) if isinstance(names, str) else positions(table, names or ())
        hit = frozenset(n for i in every if _IN_TOWER.match(n := table.modules[i].name))
    spared = {table.modules[position].name for position in _left_out(lora, table)}
    return next((m.name for m in table.modules if m.name in hit - spared), "")


@lru_cache(KEPT)
def _linear_in_tower(table: ModuleTable) -> frozenset[str]:
    names = all_linear(AdapterConfig(), table)
    return frozenset(name for name in names if _IN_TOWER.match(name))


def _left_out(lora: Lora, table: ModuleTable) -> set[int]:
    """Return the positions of modules that ``exclude_modules`` spares."""
    rule = lora.exclude_modules
    config = AdapterConfig(exclude_modules=tuple(rule) if isinstance(rule, list) else rule)
    try:
        return excluded(config, table)
    except InjectionError as error:
        raise UnknownValueError(str(error)) from error


def rank_limit(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> int:
    """Return the smaller side of the smallest layer the targets name."""
    table = table_of(recipe, modules, targets)
    names = lora.target_modules
    if not table.sized or not isinstance(names, list) or not names:
        raise UnknownValueError("the sizes of the targets are not known")
    hit = [table.modules[i] for i in positions(table, names)]
    sizes = [min(shape) for m in hit if m.kind in LINEAR and (shape := m.shape("weight"))]
    if not sizes:
        raise UnknownValueError("no linear layer is targeted")
    return min(sizes)


def mamba_targets(recipe: Recipe, modules: Lookup) -> tuple[Item, ...]:
    """Entries that PEFT refuses in Mamba models, whose kernels read these weights directly."""
    if base_model(recipe, modules).model_type not in MAMBA:
        return ()
    return entries(recipe, _TARGETS, lambda name: name.rpartition(".")[2] in MAMBA_REFUSED)


def _alive(name: str, table: ModuleTable) -> bool:
    """Whether a name of the list hits a module, or what became of it in transformers 5."""
    if table.ending(name):
        return True
    mapping = mapping_of(table.model_type)
    return any(name == old or name.endswith(f".{old}") for old in mapping)


def _hits(pattern: str, table: ModuleTable) -> Iterable[int]:
    try:
        return targeted(pattern, AdapterConfig(), table)
    except InjectionError as error:
        raise UnknownValueError(str(error)) from None


def _nearest(name: str, table: ModuleTable) -> str:
    """Return the real name of a layer that a wrong one is closest to, empty if none is.

    A layer fused of several (``gate_up_proj`` for ``up_proj``) is closer than a like spelling.
    """
    last = name.rpartition(".")[2]
    leaves = {m.leaf for m in table.modules if m.kind in ADAPTABLE and not m.leaf.isdecimal()}
    real = sorted(leaves)
    words = set(last.split("_"))
    fused = [leaf for leaf in real if words < set(leaf.split("_"))]
    from difflib import get_close_matches  # only for a name nobody has

    close = fused or get_close_matches(last, real, n=1, cutoff=_CLOSE)
    return close[0] if close else ""
