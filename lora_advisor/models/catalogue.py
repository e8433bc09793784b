"""The shipped catalogue: module tables of published models, found by id or by ``config.json``."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.table import Module, ModuleTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODELS: Final = "catalogue.json.gz"
REFERENCES: Final = "references.json.gz"


@cache
def load(file: str = MODELS) -> dict[str, Any]:
    """Read a catalogue: classes, nodes of the trees, and the models.

    ``MODELS`` holds published models, ``REFERENCES`` further types as transformers' own defaults
    make them, which gives names, no sizes.
    """
    data = (Path(__file__).parent / file).read_bytes()
    content: dict[str, Any] = json.loads(gzip.decompress(data))
    for entry in content["models"]:
        entry["file"] = file
    return content


def entries(file: str = MODELS) -> list[dict[str, Any]]:
    """Return every model of a catalogue that builds: id, config and tables by auto class."""
    return [entry for entry in load(file)["models"] if entry["tables"]]


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
    content = load(entry["file"])
    shared = dict(description["shared"])
    return ModuleTable(
        modules=tuple(_walk(content, description["root"], "", shared)),
        model_type=description["type"],
        auto_class=auto_class,
        source=f"the catalogue's {entry['id']}",
        transformers=int(str(content["transformers"]).partition(".")[0]),
        input_embedding=description["input"],
        output_embedding=description["output"],
        tie_word_embeddings=bool(description["tie"]),
        tied_modules=tuple(description["tied"]),
        shared_modules=shared,
        shared_parameters=dict(description["ties"]),
        generates=description["generates"],
    )


def _walk(
    content: Mapping[str, Any], node: int, name: str, shared: Mapping[str, str]
) -> Iterator[Module]:
    """Yield a node's module and all below it, leaving out further names of one already met."""
    if name in shared:
        return
    class_, parameters, children, extras = content["nodes"][node]
    class_name, kind = content["classes"][class_]
    yield Module(
        name=name,
        kind=kind,
        class_name=class_name,
        parameters=tuple((own, tuple(shape)) for own, *shape in parameters),
        transposed=extras.get("transposed", False),
        groups=extras.get("groups", 1),
    )
    prefix = f"{name}." if name else ""
    for *names, child in children:
        for part in _names(names):
            yield from _walk(content, child, prefix + part, shared)


def _names(names: list[Any]) -> list[str]:
    """Return the name of a child, or the numbers of a run of equal children."""
    if len(names) == 1:
        return [names[0]]
    first, last = names
    return [str(number) for number in range(first, last + 1)]


@cache
def since() -> dict[str, tuple[str, str]]:
    """Map a model type to the newest transformers release without it and the first with it."""
    table = json.loads((Path(__file__).parent / "since.json").read_bytes())
    return {kind: (without, first) for kind, (without, first) in table.items()}
