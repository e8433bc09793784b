"""The shipped catalogue: trees of published models, and templates for any size of their types.

One compressed part for each model type (``catalogue.bin``), found by ``catalogue.json``, so that a
run reads only the types it meets. Written by ``scripts/pack_catalogue.py``.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.table import Module, ModuleTable

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE: Final = Path(__file__).parent
_NOTHING: Final[Mapping[str, Any]] = {"models": [], "references": [], "templates": []}


@cache
def index() -> dict[str, Any]:
    """Return where each part lies, the types transformers has, and the ids of published models."""
    content: dict[str, Any] = json.loads((_HERE / "catalogue.json").read_bytes())
    return content


@cache
def part(model_type: str) -> Mapping[str, Any]:
    """Return all that is known of a model type; nothing for an unknown one."""
    place = index()["parts"].get(model_type)
    if place is None:
        return _NOTHING
    start, length = place
    with (_HERE / "catalogue.bin").open("rb") as file:
        file.seek(start)
        content: dict[str, Any] = json.loads(zlib.decompress(file.read(length)))
    return content


def is_known(model_type: str) -> bool:
    """Whether transformers itself has a model type, so that no remote code is run for it."""
    return model_type in index()["types"]


def models(model_type: str) -> list[dict[str, Any]]:
    """Return the published models of a type: id, config and tables by auto class."""
    return list(part(model_type)["models"])


def references(model_type: str) -> list[dict[str, Any]]:
    """Return the model that transformers' own defaults make: it gives names, no sizes."""
    return list(part(model_type)["references"])


_EXPANDED: Final[dict[int, ModuleTable]] = {}


def table(entry: Mapping[str, Any], auto_class: str | None = None) -> ModuleTable | None:
    """Return a model's module table as an auto class loads it, None where it does not."""
    auto_class = auto_class or entry["default"]
    description = entry["tables"].get(auto_class)
    if description is None:
        return None
    if id(description) not in _EXPANDED:  # part of a catalogue that lives as long as the run
        _EXPANDED[id(description)] = _expand(description, auto_class, entry)
    return _EXPANDED[id(description)]


def _expand(
    description: Mapping[str, Any], auto_class: str, entry: Mapping[str, Any]
) -> ModuleTable:
    content = part(entry["config"]["model_type"])
    shared = dict(description["shared"])
    return ModuleTable(
        modules=tuple(_walk(content, description["root"], shared)),
        model_type=description["type"],
        auto_class=auto_class,
        source=f"the catalogue's {entry['id']}",
        transformers=int(str(index()["transformers"]).partition(".")[0]),
        input_embedding=description["input"],
        output_embedding=description["output"],
        tie_word_embeddings=bool(description["tie"]),
        tied_modules=tuple(description["tied"]),
        shared_modules=shared,
        shared_parameters=dict(description["ties"]),
        generates=description["generates"],
    )


def _walk(content: Mapping[str, Any], root: int, shared: Mapping[str, str]) -> list[Module]:
    """Return a node's module and all below it, leaving out further names of one already met."""
    found: list[Module] = []
    seen: dict[int, Mapping[str, Any]] = {}

    def visit(node: int, name: str) -> None:
        if name in shared:
            return
        if node not in seen:
            seen[node] = _described(content, node)
        found.append(Module(name=name, **seen[node]))
        prefix = f"{name}." if name else ""
        for *names, child in content["nodes"][node][2]:
            for own in _names(names):
                visit(child, prefix + own)

    visit(root, "")
    return found


def _described(content: Mapping[str, Any], node: int) -> Mapping[str, Any]:
    """Return what the modules that a node stands for have in common: all but the name."""
    class_, parameters, _, extras = content["nodes"][node]
    class_name, kind = content["classes"][class_]
    return {
        "kind": kind,
        "class_name": class_name,
        "parameters": tuple((own, tuple(shape)) for own, *shape in parameters),
        "transposed": extras.get("transposed", False),
        "groups": extras.get("groups", 1),
    }


def _names(names: list[Any]) -> list[str]:
    """Return the name of a child, or the numbers of a run of equal children."""
    if len(names) == 1:
        return [names[0]]
    first, last = names
    return [str(number) for number in range(first, last + 1)]


@cache
def since() -> dict[str, tuple[str, str]]:
    """Map a model type to the newest transformers release without it and the first with it."""
    table = json.loads((_HERE / "since.json").read_bytes())
    return {kind: (without, first) for kind, (without, first) in table.items()}
