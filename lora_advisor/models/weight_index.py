"""Module names from a weight index, for models whose code is not part of transformers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.table import UNKNOWN_KIND, Module, ModuleTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_INDEXES: Final = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def from_index(folder: Path, config: Mapping[str, Any]) -> ModuleTable | None:
    """Return a table of names alone from the index of a folder's weights, None without one.

    Only for remote code, whose modules have the names of the weights; transformers renames and
    merges the weights of its own models on loading.
    """
    if "auto_map" not in config:
        return None
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
    return ModuleTable(
        modules=tuple(_modules(weights)),
        model_type=str(config.get("model_type", "")),
        auto_class="AutoModelForCausalLM",
        source=str(path),
        transformers=None,
        shared_modules={},
        shared_parameters={},
        sized=False,
        complete=False,
    )


def _modules(weights: Iterable[str]) -> Iterable[Module]:
    names: dict[str, None] = {"": None}
    for weight in weights:
        parts = weight.split(".")[:-1]
        for end in range(1, len(parts) + 1):
            names[".".join(parts[:end])] = None
    return (Module(name=name, kind=UNKNOWN_KIND, class_name="") for name in names)
