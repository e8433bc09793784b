"""Module names from a weight index, for models whose code is not part of transformers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models import remote
from lora_advisor.models.table import UNKNOWN_KIND, Module, ModuleTable
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_INDEXES: Final = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def from_index(folder: Path, config: Mapping[str, Any]) -> ModuleTable | None:
    """Return a table of names alone from the index of a folder's weights, None without one.

    Only right for remote code, whose modules have the names of the weights; transformers renames
    and merges the weights of its own models on loading.
    """
    paths = (folder / name for name in _INDEXES)
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return None
    try:
        weights = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        return None
    modules = tuple(_modules(weight.rpartition(".")[0] for weight in weights))
    return _table(modules, config, str(path))


def from_code(config: Mapping[str, Any], source: str) -> ModuleTable | None:
    """Return the names that the remote code of a model type gives its layers, None if unknown."""
    kind = str(config.get("model_type", ""))
    linear = remote.LINEAR_LAYERS.get(kind)
    if linear is None:
        return None
    modules = [*_modules([remote.EMBEDDINGS[kind]]), *_modules(linear)]
    known = {module.name: module for module in modules}
    kinds = {**dict.fromkeys(linear, "linear"), remote.EMBEDDINGS[kind]: "embedding"}
    sure = (replace(m, kind=kinds.get(m.name, m.kind)) for m in known.values())
    return _table(tuple(sure), config, source)


def _table(modules: tuple[Module, ...], config: Mapping[str, Any], source: str) -> ModuleTable:
    return ModuleTable(
        modules=modules,
        model_type=str(config.get("model_type", "")),
        auto_class="AutoModelForCausalLM",
        source=source,
        transformers=None,
        shared_modules={},
        shared_parameters={},
        sized=False,
        complete=False,
    )


def _modules(modules: Iterable[str]) -> Iterable[Module]:
    names: dict[str, None] = {"": None}
    for module in modules:
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            names[".".join(parts[:end])] = None
    return (Module(name=name, kind=UNKNOWN_KIND, class_name="") for name in names)
