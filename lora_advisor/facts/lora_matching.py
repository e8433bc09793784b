"""Facts of what the targets hit on the base model, as PEFT matches them.

Source: ``peft.tuners.tuners_utils`` and ``peft.utils.other``, release 0.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import base_model, config_value, table_of
from lora_advisor.facts._listed import entries, is_plain_name
from lora_advisor.facts.lora_targets import bare_target, comma_target
from lora_advisor.models.adapter import AdapterConfig, InjectionError
from lora_advisor.models.conversion import mapping_of
from lora_advisor.models.defaults import DEFAULT_TARGETS
from lora_advisor.models.matching import ALL_LINEAR, all_linear, excluded, positions, targeted
from lora_advisor.models.resolve import MAMBA, MAMBA_REFUSED
from lora_advisor.models.table import ADAPTABLE, LINEAR, UNKNOWN_KIND
from lora_advisor.recipe import UnknownValueError
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.models.lookup import Lookup
    from lora_advisor.models.table import Module, ModuleTable
    from lora_advisor.recipe import Item, Lora, Recipe
    from lora_advisor.targets import Targets

_TARGETS: Final = "lora.target_modules"
_SAVED: Final = "lora.modules_to_save"
_CLOSE: Final = 0.6
_ROUTERS: Final = frozenset({"gate", "router", "wg", "switch", "shared_expert_gate"})
_VISION: Final = ("vision", "visual", "image", "audio", "vit")


def targets_match(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> bool:
    """Whether the targets name at least one module of the base model.

    Text or entries that no module of any model could have are left to the rules about them.
    """
    table = table_of(recipe, modules, targets)
    names = lora.target_modules
    if isinstance(names, str):
        return bare_target(lora) or comma_target(lora) or _pattern_matches(names, table)
    plain = [name for name in names or () if is_plain_name(name)]
    if len(plain) < len(names or ()) or not plain or lora.target_parameters:
        return True
    return any(_alive(name, table) for name in plain)


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


def unadaptable_targets(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries that hit a module PEFT refuses, such as a norm; the hint is the module's class."""
    table = table_of(recipe, modules, targets)
    mapping = mapping_of(table.model_type)

    def refused(name: str) -> Module | None:
        if name.rpartition(".")[2] in mapping:
            return None
        hit = (table.modules[i] for i in sorted(positions(table, [name])))
        return next((m for m in hit if m.kind not in ADAPTABLE | {UNKNOWN_KIND}), None)

    found = entries(recipe, _TARGETS, lambda name: refused(name) is not None)
    return tuple(replace(item, hint=_class_of(refused(str(item.value)))) for item in found)


def router_targets(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries that hit the router of a mixture of experts as a layer; the hint is a module."""
    table = table_of(recipe, modules, targets)

    def router(name: str) -> Module | None:
        hit = (table.modules[i] for i in sorted(positions(table, [name])))
        return next((m for m in hit if m.leaf in _ROUTERS and m.kind in LINEAR), None)

    found = entries(recipe, _TARGETS, lambda name: router(name) is not None)
    return tuple(item for item in found if _has_experts(table))


def _has_experts(table: ModuleTable) -> bool:
    return any(module.leaf == "experts" for module in table.modules)


def _class_of(module: Module | None) -> str:
    return module.class_name if module is not None else ""


def default_targets_known(recipe: Recipe, modules: Lookup, targets: Targets) -> bool:
    """Whether PEFT has targets of its own for the base model's architecture.

    With transformers 5 it loses them for a mixture of experts that it rewrites the targets of.
    """
    kind = base_model(recipe, modules).model_type
    if not kind:
        raise UnknownValueError("the model's architecture is not known")
    lost = bool(mapping_of(kind)) and targets.may_hold({"transformers": ">=5"})
    return kind in DEFAULT_TARGETS and not lost


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


def dead_saved(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries of ``modules_to_save`` that no module's name ends with; the hint is a real name."""
    table = table_of(recipe, modules, targets)
    if not table.complete or not isinstance(lora.modules_to_save, list):
        return ()
    every = [module.name for module in table.modules] + list(table.shared_modules)
    found = entries(recipe, _SAVED, lambda name: not any(m.endswith(name) for m in every))
    return tuple(replace(item, hint=_counterpart(str(item.value), table)) for item in found)


def overmatched_saved(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries of ``modules_to_save`` that also end another name; the hint is that module."""
    table = table_of(recipe, modules, targets)

    def other(name: str) -> str | None:
        ends = (m.name for m in table.modules if m.name.endswith(name))
        return next((m for m in ends if m != name and not m.endswith(f".{name}")), None)

    found = entries(recipe, _SAVED, lambda name: other(name) is not None)
    return tuple(replace(item, hint=other(str(item.value)) or "") for item in found)


def vision_targets(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries that hit layers of an image or audio tower as well as of the language model."""
    table = table_of(recipe, modules, targets)

    def both(name: str) -> bool:
        hit = {_in_tower(table.modules[i]) for i in positions(table, [name])}
        return hit == {True, False}

    return entries(recipe, _TARGETS, both)


def all_linear_tower(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> int:
    """Count the linear layers outside the language model that ``all-linear`` adapts."""
    table = table_of(recipe, modules, targets)
    if lora.target_modules != ALL_LINEAR:
        return 0
    rule = lora.exclude_modules
    config = AdapterConfig(exclude_modules=tuple(rule) if isinstance(rule, list) else rule)
    try:
        left_out = excluded(config, table)
    except InjectionError as error:
        raise UnknownValueError(str(error)) from error
    spared = {table.modules[position].name for position in left_out}
    names = set(all_linear(config, table)) - spared
    return sum(_in_tower(table.by_name[name]) for name in names)


def _in_tower(module: Module) -> bool:
    return any(word in part for part in module.name.split(".")[:3] for word in _VISION)


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


def head_name(recipe: Recipe, modules: Lookup, targets: Targets) -> str | None:
    """Return the name of a new head that the base model is loaded with, None for no such head."""
    table = table_of(recipe, modules, targets)
    if not table.auto_class.startswith("AutoModelFor") or "Classification" not in table.auto_class:
        return None
    names = ("score", "classifier", "classification_head", "logits_proj")
    return next((name for name in names if name in table.by_name), None)


def head_saved(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> bool:
    """Whether the new head is trained: PEFT adds it for a task, or the config names it."""
    head = head_name(recipe, modules, targets)
    if head is None or lora.task_type in ("SEQ_CLS", "TOKEN_CLS"):
        return True
    names = lora.target_modules
    adapted = isinstance(names, list) and head in names
    return adapted or any(head.endswith(name) for name in lora.modules_to_save or ())


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
        return bool(mapping) and names.lower() == ALL_LINEAR
    return any(name.rpartition(".")[2] in mapping for name in names or ())


def skipped_experts(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> str:
    """Name the expert parameters that targets such as ``up_proj`` do not reach, empty if none."""
    table = table_of(recipe, modules, targets)
    names = lora.target_modules
    if mapping_of(table.model_type) or lora.target_parameters or not isinstance(names, list):
        return ""
    wanted = {"gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"} & set(names)
    if not wanted:
        return ""
    for module in table.modules:
        own = [name for name, shape in module.parameters if len(shape) == 3]  # noqa: PLR2004
        if module.leaf == "experts" and own:
            return ", ".join(f"`experts.{name}`" for name in own if "bias" not in name)
    return ""


def mamba_targets(recipe: Recipe, modules: Lookup) -> tuple[Item, ...]:
    """Entries that PEFT refuses in Mamba models, whose kernels read these weights directly."""
    if base_model(recipe, modules).model_type not in MAMBA:
        return ()
    return entries(recipe, _TARGETS, lambda name: name.rpartition(".")[2] in MAMBA_REFUSED)


def tied_targets(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Targets that share their weight with another layer; the hint is that layer."""
    return _tied_entries(_TARGETS, recipe, table_of(recipe, modules, targets), modules)


def tied_saved(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Modules to save that share their weight with another layer; the hint is that layer."""
    return _tied_entries(_SAVED, recipe, table_of(recipe, modules, targets), modules)


def _tied_entries(
    field: str, recipe: Recipe, table: ModuleTable, modules: Lookup
) -> tuple[Item, ...]:
    if not table.sized and config_value(recipe, modules, "tie_word_embeddings") is None:
        raise UnknownValueError("whether the embeddings are tied is not known")
    partners = [name for name in (table.input_embedding, *table.tied_modules) if name]
    if not table.tied_modules or not table.tie_word_embeddings:
        return ()

    def hit(entry: str) -> str | None:
        return next((n for n in partners if n == entry or n.endswith(f".{entry}")), None)

    found = entries(recipe, field, lambda entry: hit(entry) is not None)[:1]
    others = {name: [p for p in partners if p != name] for name in partners}
    hints = (others.get(hit(str(item.value)) or "", [""]) for item in found)
    return tuple(
        replace(i, hint=h[0].rpartition(".")[2]) for i, h in zip(found, hints, strict=True)
    )


def expert_rewrite_sure(targets: Targets) -> bool:
    """Whether the releases in use surely turn expert names into adapters on fused parameters."""
    return targets.surely_hold({"transformers": ">=5", "peft": ">=0.19"})


def _alive(name: str, table: ModuleTable) -> bool:
    """Whether a name of the list hits a module, or what became of it in transformers 5."""
    if name in table.suffixes:
        return True
    mapping = mapping_of(table.model_type)
    return any(name == old or name.endswith(f".{old}") for old in mapping)


def _hits(pattern: str, table: ModuleTable) -> Iterable[int]:
    try:
        return targeted(pattern, AdapterConfig(), table)
    except InjectionError as error:
        raise UnknownValueError(str(error)) from None


def _nearest(name: str, table: ModuleTable) -> str:
    """Return the real name of a layer that a wrong one is closest to, empty if none is."""
    last = name.rpartition(".")[2]
    real = {m.leaf for m in table.modules if m.kind in ADAPTABLE and not m.leaf.isdecimal()}
    from difflib import get_close_matches  # noqa: PLC0415 - only for a name nobody has

    close = get_close_matches(last, sorted(real), n=1, cutoff=_CLOSE)
    return close[0] if close else ""


def _counterpart(name: str, table: ModuleTable) -> str:
    """Return what the module is called here that other models call by a name."""
    if name in ("embed_tokens", "wte", "word_embeddings", "embed_in"):
        return (table.input_embedding or "").rpartition(".")[2]
    if name in ("lm_head", "embed_out", "output_layer"):
        return (table.output_embedding or "").rpartition(".")[2]
    if name in ("classifier", "score"):
        heads = ("score", "classifier", "classification_head")
        return next((head for head in heads if head in table.by_name), "")
    return ""
