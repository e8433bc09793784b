"""Modules trained in full and token rows: PEFT's wrapping after the adapters are in place.

Source: ``_set_trainable`` and ``set_additional_trainable_modules`` (peft/utils/other.py), 0.21.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.models import releases
from lora_advisor.models.adapter import InjectionError, UnresolvedError
from lora_advisor.models.table import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from lora_advisor.models.adapter import AdapterConfig
    from lora_advisor.models.table import Module, ModuleTable

_NAMES_THE_TIED: Final = 5
"""The release of transformers since which a tied layer is found by what is tied to what."""
HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "SEQ_CLS": ("classifier", "score"),
    "TOKEN_CLS": ("classifier", "score"),
    "QUESTION_ANS": ("qa_outputs",),
}
"""Modules that PEFT itself adds to ``modules_to_save`` for a task."""


def saved_modules(
    names: Iterable[str], table: ModuleTable, adapted: Collection[str]
) -> dict[str, int]:
    """Return the modules that are wrapped for full training, each with its parameters.

    A name matches by ``endswith``, without a dot before it. TypeError where it hits a module that
    already has an adapter, or a plain list of modules.

    Raises:
        UnresolvedError: A module has two names, or lies in another saved one.
    """
    ends = tuple(names)
    if not ends:
        return {}
    found: dict[str, int] = {}
    every = [module.name for module in table.modules] + list(table.shared_modules)
    for name in every:
        if name.endswith(ends):
            real = table.by_name.get(table.shared_modules.get(name, name))
            if real is None:
                raise UnresolvedError(f"{name} is a second name of a module")
            _refuse(real, adapted)
            if any(name.startswith(f"{other}.") for other in found):
                raise UnresolvedError(f"{name} lies in a module that is saved as well")
            found[name] = _count(real, table, adapted)
    return found


def tied_copies(
    names: Iterable[str], table: ModuleTable, adapted: Collection[str]
) -> dict[str, int]:
    """Return the layers tied to a saved embedding; PEFT counts the shared weight once for each.

    Raises:
        UnresolvedError: The tied layers are one module under several names.
    """
    ends = tuple(names)
    embedding = table.by_name.get(table.input_embedding or "")
    shape = embedding.shape("weight") if embedding else None
    if not ends:
        return {}
    if shape is None or any(name.endswith(ends) for name in table.shared_modules):
        raise UnresolvedError("the tied layers are one module under several names")
    hits = [module for module in table.modules if module.name.endswith(ends)]
    for module in hits:
        _refuse(module, adapted)
    return dict.fromkeys((module.name for module in hits), math.prod(shape))


def _refuse(module: Module, adapted: Collection[str]) -> None:
    if module.kind == CONTAINER:
        raise InjectionError("TypeError", f"{module.name} is a {module.class_name}")
    if module.name in adapted:
        raise InjectionError("TypeError", f"{module.name} already has an adapter")


def _count(module: Module, table: ModuleTable, adapted: Collection[str]) -> int:
    below = list(table.below(module.name))
    if any(inner.name in adapted for inner in below):
        raise UnresolvedError(f"{module.name} is saved in full and holds adapters")
    return sum(math.prod(shape) for inner in below for _, shape in inner.parameters)


def token_rows(
    config: AdapterConfig, table: ModuleTable, adapted: Collection[str], saved: Collection[str]
) -> dict[str, int]:
    """Return the layers of which single rows are trained, each with its trainable parameters.

    Raises:
        InjectionError: PEFT raises, as no module has the name.
        UnresolvedError: A module has two names, or is named twice.
    """
    indices = _asked_rows(config, table)
    skipped, differ = _tied_targets(indices, table, ensure=config.ensure_weight_tying)
    found: dict[str, int] = {}
    for name, rows in indices.items():
        if name in skipped:
            continue
        hits = [module for module in table.modules if module.name.endswith(name)]
        if not hits and any(other.endswith(name) for other in table.shared_modules):
            raise UnresolvedError(f"{name} is a second name of a module")
        if not hits:
            raise InjectionError("ValueError", f"no module ends with {name}")
        for module in hits:
            if module.name in found:
                raise UnresolvedError(f"rows of {module.name} are named twice")
            _refuse(module, adapted)
            _refuse_rows(module, config.release)
            found[module.name] = _rows(module, len(rows), saved)
    if table.tie_word_embeddings and table.input_embedding in found and not differ:
        found |= dict.fromkeys(_tied_rows(table, adapted, {*saved, *found}, config.release), 0)
    return found


def _asked_rows(config: AdapterConfig, table: ModuleTable) -> Mapping[str, tuple[int, ...]]:
    """Return the rows that are to be trained, by the name of their layer."""
    indices = config.trainable_token_indices
    if indices is None:
        return {}
    if isinstance(indices, tuple):
        if table.input_embedding is None:
            raise UnresolvedError("whether the model tells its input embedding is not known")
        indices = {table.input_embedding: indices}
    if any(name in (config.modules_to_save or ()) for name in indices):
        raise InjectionError("ValueError", "the embedding is already trained in full")
    newer = config.release >= releases.TOKEN_ROWS_OF_TIED_TARGETS
    if len(indices) > 1 and table.tie_word_embeddings and not newer:
        raise UnresolvedError("how older releases of PEFT tie token rows is not known")
    return indices


def _tied_targets(
    indices: Mapping[str, tuple[int, ...]], table: ModuleTable, *, ensure: bool
) -> tuple[set[str], bool]:
    """Return names of tied layers that share the embedding's rows, and whether their rows differ.

    ValueError where they differ and tying is asked for.
    """
    if len(indices) < 2 or not table.tie_word_embeddings:  # noqa: PLR2004 - one layer alone
        return set(), False
    ties = set(table.tied_modules)
    keys = [
        name
        for name in indices
        if (table.input_embedding or "").endswith(name)
        or any(tied.endswith(name) or name in tied.split(".") for tied in ties)
    ]
    differ = any(indices[key] != indices[keys[0]] for key in keys[1:])
    if differ and ensure:
        raise InjectionError("ValueError", "tied layers are given different rows")
    return (set() if differ else set(keys) & ties), differ


def _tells_names(table: ModuleTable) -> bool:
    """Whether the model's own code lists the tied layers, as it did before transformers 5."""
    return table.transformers is not None and table.transformers < _NAMES_THE_TIED


def _tied_rows(
    table: ModuleTable,
    adapted: Collection[str],
    wrapped: Collection[str],
    release: releases.Release,
) -> list[str]:
    names = tuple(table.tied_modules)
    before = release < releases.TIED_ROWS_BY_PRESENT_NAME
    by_own_name = before or _tells_names(table)
    found = []
    for module in (m for m in table.modules if names and m.name.endswith(names)):
        if module.name in wrapped:
            raise UnresolvedError(f"{module.name} is tied to rows and trained itself")
        inner = module.name in adapted  # what is tied is then the layer inside the adapter
        if inner and by_own_name:
            _refuse(module, adapted)
        found.append(f"{module.name}.base_layer" if inner else module.name)
    if names and by_own_name:
        found += [name for name in table.shared_modules if name.endswith(names)]
    if names and not found:
        raise InjectionError("ValueError", f"no module ends with {names}")
    return found


def _refuse_rows(module: Module, release: releases.Release) -> None:
    linear = release not in releases.NO_ROWS_OF_LINEAR
    if module.kind != "embedding" and not (linear and module.kind == "linear"):
        raise InjectionError("AttributeError", f"{module.class_name} has no rows to train")


def _rows(module: Module, rows: int, saved: Collection[str]) -> int:
    if module.name in saved:
        raise UnresolvedError(f"{module.name} is saved in full and by rows")
    shape = module.shape("weight")
    if shape is None:
        raise UnresolvedError(f"{module.name} has no weight of its own")
    return rows * shape[-1]
