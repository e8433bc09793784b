"""Facts of what targets, exclusions and patterns leave out of the base model.

Source: ``peft.tuners.tuners_utils`` and ``peft.utils.other``, release 0.21.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import KEPT, base_model, config_value, has_fused_experts, table_of
from lora_advisor.facts._listed import entries, is_plain_name
from lora_advisor.facts.lora_experts import lists_linear_names
from lora_advisor.facts.lora_matching import layer_count
from lora_advisor.models.adapter import AdapterConfig, InjectionError
from lora_advisor.models.conversion import mapping_of
from lora_advisor.models.matching import ALL_LINEAR, all_linear, compiled, positions, targeted
from lora_advisor.models.table import ADAPTABLE, LINEAR
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.models.lookup import Lookup
    from lora_advisor.models.table import ModuleTable
    from lora_advisor.recipe import Lora, Recipe
    from lora_advisor.targets import Targets

_BLOCK: Final = pattern(r"((?:.*\.)?(?:layers|h|blocks|block|layer)\.\d+)\.")
_TOWER: Final = pattern(r"vision|visual|image|audio|mtp|nextn")
_STACK: Final = pattern(r"(\w+)\.\d+\.")
"""A stack of layers with nothing before its name, as models without any head have it."""
_FEW: Final = 1 / 3
_HEADS: Final = frozenset({"score", "classifier", "classification_head", "qa_outputs"})


def dead_exclusions(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries of ``exclude_modules`` that are the name of no module at all."""
    table = table_of(recipe, modules, targets)
    if not table.complete:
        return ()
    return entries(
        recipe,
        "lora.exclude_modules",
        lambda name: is_plain_name(name) and not positions(table, [name]),
    )


def excluded_blocks(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries of ``exclude_modules`` that name a part whose layers are adapted all the same."""
    table = table_of(recipe, modules, targets)
    adapted = _adapted(recipe, table)

    def kept(name: str) -> bool:
        hit = [table.modules[i] for i in positions(table, [name])]
        inside = [m.name for m in hit if m.kind not in ADAPTABLE]
        return bool(inside) and any(a.startswith(f"{part}.") for part in inside for a in adapted)

    return entries(recipe, "lora.exclude_modules", kept)


def _adapted(recipe: Recipe, table: ModuleTable) -> list[str]:
    """Return the names of the modules that the targets hit, exclusions left aside."""
    names = recipe["lora.target_modules"].value
    if isinstance(names, str) and names.lower() == ALL_LINEAR:
        return list(all_linear(AdapterConfig(), table))
    if not isinstance(names, (list, str)):
        raise UnknownValueError("the targets are not known")
    try:
        hit = targeted(names, AdapterConfig(), table)
    except InjectionError as error:
        raise UnknownValueError(str(error)) from None
    return [table.modules[i].name for i in hit if table.modules[i].kind in ADAPTABLE]


def dead_patterns(
    recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets
) -> tuple[Item, ...]:
    """Keys of the rank and alpha patterns that fit no module the targets hit."""
    written = [f for f in ("lora.rank_pattern", "lora.alpha_pattern") if recipe[f].value]
    table = table_of(recipe, modules, targets)
    converted = bool(mapping_of(table.model_type)) or lora.target_parameters
    if not written or not table.sized or not table.complete or converted:
        return ()
    adapted = _adapted(recipe, table)
    return tuple(
        Item(path=key.path, at=key.key_at, value=key.name)
        for field in written
        for key in recipe.keys
        if key.path == f"{recipe[field].key}.{key.name}" and not _fits(key.name, adapted)
    )


def _fits(pattern: str, names: list[str]) -> bool:
    try:
        found = compiled(rf"(.*\.)?({pattern})$")
    except InjectionError:
        return True  # another rule's matter
    return any(found.match(name) for name in names)


def dead_parameters(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries of ``target_parameters`` that end the name of no parameter."""
    if not recipe["lora.target_parameters"].written:
        return ()
    table = table_of(recipe, modules, targets)
    if not table.complete or not has_fused_experts(table):
        return ()
    names = [f"{module.name}.{own}" for module in table.modules for own, _ in module.parameters]

    def dead(entry: str) -> bool:
        return is_plain_name(entry) and not any(
            name == entry or name.endswith(f".{entry}") for name in names
        )

    return entries(recipe, "lora.target_parameters", dead)


@lru_cache(KEPT)
def _blocks(table: ModuleTable) -> tuple[str | None, ...]:
    """Return the block of the language model that each module stands in, None where in none."""
    names = [module.name for module in table.modules]
    found = (None if _TOWER.search(name) else _BLOCK.match(name) for name in names)
    return tuple(match[1] if match is not None else None for match in found)


@lru_cache(KEPT)
def _all_blocks(table: ModuleTable) -> frozenset[str]:
    """Return the blocks that have a linear layer."""
    pairs = zip(table.modules, _blocks(table), strict=True)
    return frozenset(block for module, block in pairs if block and module.kind in LINEAR)


def _reached(table: ModuleTable, names: Iterable[str]) -> set[str]:
    """Return the blocks in which some names hit a layer that takes an adapter."""
    hit = [i for i in positions(table, names) if table.modules[i].kind in ADAPTABLE]
    blocks = _blocks(table) if hit else ()
    return {block for i in hit if (block := blocks[i])}


def _whole_list(lora: Lora, table: ModuleTable) -> list[str]:
    """Return the targets where they are meant for all layers, empty in any other case."""
    names = lora.target_modules
    chosen = lora.layers_to_transform or lora.exclude_modules or lora.target_parameters
    if not isinstance(names, list) or chosen or not table.complete or not table.sized:
        return []
    converted = mapping_of(table.model_type)
    plain = all(is_plain_name(name) and "." not in name for name in names)
    return names if plain and not any(name in converted for name in names) else []


def covered_layers(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> list[int]:
    """Return how many blocks get an adapter and how many there are, empty where all do."""
    table = table_of(recipe, modules, targets)
    reached = _reached(table, _whole_list(lora, table))
    every = _all_blocks(table) if reached else frozenset()
    return [len(reached), len(every)] if reached < every else []


def few_layers(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> bool:
    """Whether the targets reach a third of the blocks or less."""
    counts = covered_layers(recipe, lora, modules, targets)
    return bool(counts) and counts[0] <= counts[1] * _FEW


def uneven_targets(
    recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets
) -> tuple[Item, ...]:
    """Targets that exist in some of the blocks only; the hint counts them."""
    table = table_of(recipe, modules, targets)
    if not _whole_list(lora, table):
        return ()
    every = len(_all_blocks(table))

    def reached(name: str) -> int:
        return len(_reached(table, [name]))

    found = entries(recipe, "lora.target_modules", lambda name: 0 < reached(name) < every)
    return tuple(
        Item(path=i.path, at=i.at, value=i.value, hint=f"{reached(str(i.value))} of {every}")
        for i in found
    )


def biasless(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> bool:
    """Whether the base model has no bias that the bias option could train."""
    table = table_of(recipe, modules, targets)
    if not table.complete or lora.bias not in ("all", "lora_only"):
        return False
    own = (module for module in table.modules if lora.bias == "all" or module.kind in ADAPTABLE)
    return not any(name == "bias" for module in own for name, _ in module.parameters)


def rows_beyond(recipe: Recipe, lora: Lora, modules: Lookup) -> int | None:
    """Return a trained token row that the vocabulary does not have, None where it has them all."""
    rows = lora.trainable_token_indices
    numbers = [n for part in rows.values() for n in part] if isinstance(rows, dict) else rows or []
    if (
        not rows
        or isinstance(recipe["data.new_tokens"].value, list)
        or "resize_token_embeddings" in recipe.document.text
    ):
        return None
    size = config_value(recipe, modules, "vocab_size")
    if not isinstance(size, int) or not numbers:
        raise UnknownValueError("the size of the vocabulary is not known")
    return next((n for n in sorted(numbers) if n >= size), None)


def head_rows_frozen(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> bool:
    """Whether new rows are trained in the input embedding of an untied model only."""
    rows = lora.trainable_token_indices
    table = table_of(recipe, modules, targets)
    if not rows or not table.output_embedding or table.tie_word_embeddings:
        return False
    head = table.output_embedding.rpartition(".")[2]
    saved = [*(lora.modules_to_save or []), *(rows if isinstance(rows, dict) else [])]
    return not any(name.rpartition(".")[2] == head for name in saved)


def untied(recipe: Recipe, modules: Lookup, targets: Targets) -> bool:
    """Whether input and output embedding of the base model are two tensors."""
    table = table_of(recipe, modules, targets)
    return table.sized and bool(table.output_embedding) and not table.tie_word_embeddings


def tied(recipe: Recipe, modules: Lookup, targets: Targets) -> bool:
    """Whether input and output embedding of the base model are one tensor."""
    table = table_of(recipe, modules, targets)
    return table.sized and bool(table.output_embedding) and table.tie_word_embeddings


def router_in_all_linear(recipe: Recipe, lora: Lora, modules: Lookup) -> bool:
    """Whether ``all-linear`` means all fused experts and the router of the base model."""
    names = lora.target_modules
    kind = base_model(recipe, modules).model_type
    every = isinstance(names, str) and names.lower() == ALL_LINEAR
    return every and bool(mapping_of(kind)) and not lists_linear_names(recipe)


def left_out_beside_experts(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> str:
    """Return a linear layer that shares its name with the experts' and gets no adapter."""
    table = table_of(recipe, modules, targets)
    mapping = mapping_of(table.model_type)
    names = lora.target_modules
    wanted = {name for name in names if name in mapping} if isinstance(names, list) else set()
    hit = (m.name for m in table.modules if m.leaf in wanted and m.kind in LINEAR)
    return next(hit, "")


def targeted_heads(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """Classification heads among the targets that nothing trains in full."""
    if lora.task_type in ("SEQ_CLS", "TOKEN_CLS"):
        return ()
    saved = set(lora.modules_to_save or [])
    return entries(
        recipe,
        "lora.target_modules",
        lambda name: name.rpartition(".")[2] in _HEADS - saved,
    )


def missing_stack(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> str:
    """Return a ``layers_pattern`` that is the name of no stack of blocks, empty if all are."""
    given = lora.layers_pattern or []
    names = [given] if isinstance(given, str) else given
    table = table_of(recipe, modules, targets)
    if not names or not table.complete:
        return ""
    stacks = [rf"(?:^|.*?\.){name}\.(?P<idx>\d+)\." for name in names]
    found = any(re.match(stack, m.name) for stack in stacks for m in table.modules)
    return "" if found else ", ".join(names)


def unprefixed_stack(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> str:
    """Return the stack whose layers PEFT cannot number, because names begin with it; else empty."""
    names, chosen = lora.target_modules, lora.layers_to_transform
    if chosen is None or chosen == [] or lora.layers_pattern or not isinstance(names, list):
        return ""
    table = table_of(recipe, modules, targets)
    numbers = tuple(chosen) if isinstance(chosen, list) else chosen
    if not table.complete or targeted(names, AdapterConfig(layers_to_transform=numbers), table):
        return ""
    stacks = {_STACK.match(table.modules[i].name) for i in positions(table, names)}
    found = {stack[1] if stack else "" for stack in stacks}
    return found.pop() if len(found) == 1 else ""


def replicated_beyond(recipe: Recipe, lora: Lora, modules: Lookup) -> int | None:
    """Return the end of a replicated range that lies beyond the last layer, None if none does."""
    ranges = lora.layer_replication
    if not ranges:
        return None
    count = layer_count(recipe, modules)
    ends = [part[1] for part in ranges if isinstance(part, list) and isinstance(part[-1], int)]
    return next((end for end in ends if end > count), None)
