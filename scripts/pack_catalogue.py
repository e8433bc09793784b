"""Packs trees and templates into the shipped catalogue: one compressed part for each model type.

    pack_catalogue.py WORK [--out lora_advisor/models] [--onto-shipped] [--add FILE]
                      [--replace TYPE…]

WORK holds ``catalogue.json.gz`` and ``references.json.gz`` of ``build_catalogue.py`` and the folder
``templates`` of ``learn_templates.py``. Written are ``catalogue.bin``, the parts one after another,
and ``catalogue.json``, where each lies. Byte for byte the same for the same input.
``--onto-shipped`` keeps the templates of the catalogue in OUT, behind those of WORK, and its trees
where WORK has none. ``--add`` adds the trees of a ``catalogue.json.gz`` of further models.
``--replace`` leaves out the shipped templates of a type that WORK has learned anew for their class.
"""

from __future__ import annotations

import argparse
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "lora_advisor" / "models"
NOT_SHIPPED = {"failed", "kind", "nodes", "classes"}


def main() -> None:
    """Read what was built, write the parts and their index."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--onto-shipped", action="store_true")
    parser.add_argument("--add", type=Path, default=None)
    parser.add_argument("--replace", nargs="*", default=[])
    options = parser.parse_args()
    published, parts = (shipped if options.onto_shipped else built)(options)
    if options.add is not None:
        add_models(options.add, parts)
    for kind in options.replace:
        leave_out(parts[kind], learned_classes(options.work / "templates", kind))
    learned = add_templates(options.work / "templates", parts)
    write(options.out, published, parts)
    covered = sum(bool(part["templates"]) for part in parts.values())
    print(f"{len(parts)} types, {learned} templates of {covered} types")


def built(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the index and the parts of what ``build_catalogue.py`` wrote."""
    parts: dict[str, dict[str, Any]] = {}
    published = read(options.work / "catalogue.json.gz")
    references = read(options.work / "references.json.gz")
    for key, content in (("models", published), ("references", references)):
        for entry in content["models"]:
            if entry["tables"]:
                part = parts.setdefault(entry["config"]["model_type"], empty())
                part[key].append(moved(entry, content, part))
    return published, parts


def shipped(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the index and the parts of a packed catalogue, with the trees that were built anew."""
    index = json.loads((options.out / "catalogue.json").read_bytes())
    blobs = (options.out / "catalogue.bin").read_bytes()
    parts = {
        kind: json.loads(zlib.decompress(blobs[start : start + length]))
        for kind, (start, length) in index["parts"].items()
    }
    if not (options.work / "catalogue.json.gz").is_file():
        return index, parts
    published, fresh = built(options)
    for kind, part in parts.items():
        kept = {key: part[key] for key in ("templates", "forms", "form_classes")}
        fresh[kind] = {**fresh.get(kind, empty()), **kept}
    return published, fresh


def add_models(path: Path, parts: dict[str, dict[str, Any]]) -> None:
    """Add the trees of further models to the parts of their types, in place of older ones."""
    content = read(path)
    for entry in content["models"]:
        part = parts.setdefault(entry["config"]["model_type"], empty())
        others = [known for known in part["models"] if known["id"] != entry["id"]]
        part["models"] = [*others, moved(entry, content, part)]


def read(path: Path) -> dict[str, Any]:
    """Read a compressed JSON file."""
    content: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return content


def empty() -> dict[str, Any]:
    """Return a part with nothing in it."""
    keys = ("classes", "nodes", "models", "references", "templates", "forms", "form_classes")
    return {key: [] for key in keys}


def moved(entry: dict[str, Any], content: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return an entry whose nodes are those of a part, added there where they are new."""
    done: dict[int, int] = {}

    def move(number: int) -> int:
        if number not in done:
            class_, shapes, children, extras = content["nodes"][number]
            inner = [[*names, move(child)] for *names, child in children]
            node = [place(part["classes"], content["classes"][class_]), shapes, inner, extras]
            done[number] = place(part["nodes"], node)
        return done[number]

    tables = {
        name: {**table, "root": move(table["root"])} for name, table in entry["tables"].items()
    }
    return {**entry, "tables": tables}


def place(items: list[Any], item: Any) -> int:
    """Return the position of an item in a list, added where it is new."""
    if item not in items:
        items.append(item)
    return items.index(item)


def learned_classes(folder: Path, kind: str) -> set[str]:
    """Return the auto classes that templates of a type were learned for."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(f"{kind}-*.json"))
    return {item["auto"] for item in found if item["kind"] == kind and "failed" not in item}


def leave_out(part: dict[str, Any], classes: set[str]) -> None:
    """Take the templates of some auto classes out of a part, and the nodes only they have."""
    kept = [template for template in part["templates"] if template["auto"] not in classes]
    forms, part["forms"], part["templates"] = part["forms"], [], []
    numbers: dict[int, int] = {}

    def move(number: int) -> int:
        if number not in numbers:
            class_, shapes, children, *rest = forms[number]
            inner = [
                [name, which, [move(v) for v in vs], *more] for name, which, vs, *more in children
            ]
            numbers[number] = place(part["forms"], [class_, shapes, inner, *rest])
        return numbers[number]

    part["templates"] = [{**template, "root": move(template["root"])} for template in kept]


def add_templates(folder: Path, parts: dict[str, dict[str, Any]]) -> int:
    """Add every template that was learned to the part of its type, before those it holds."""
    count = 0
    for path in sorted(folder.glob("*.json"), reverse=True):
        learned = json.loads(path.read_text(encoding="utf-8"))
        if "failed" in learned:
            continue
        part = parts.setdefault(learned["kind"], empty())
        numbers: dict[int, int] = {}
        for number, (class_, shapes, children, transposed, groups) in enumerate(learned["nodes"]):
            inner = [
                [name, which, [numbers[v] for v in variants], *count_]
                for name, which, variants, *count_ in children
            ]
            node = [
                place(part["form_classes"], learned["classes"][class_]),
                shapes,
                inner,
                transposed,
                groups,
            ]
            numbers[number] = place(part["forms"], node)
        kept = {key: value for key, value in learned.items() if key not in NOT_SHIPPED}
        part["templates"].insert(0, {**kept, "root": numbers[learned["root"]]})
        count += 1
    return count


def write(out: Path, published: dict[str, Any], parts: dict[str, dict[str, Any]]) -> None:
    """Write the parts and the index."""
    blobs = bytearray()
    places: dict[str, list[int]] = {}
    for kind in sorted(parts):
        blob = zlib.compress(json.dumps(parts[kind], separators=(",", ":")).encode(), 9)
        places[kind] = [len(blobs), len(blob)]
        blobs += blob
    ids = {entry["id"]: kind for kind in sorted(parts) for entry in parts[kind]["models"]}
    index = {
        "transformers": published["transformers"],
        "types": published["types"],
        "parts": places,
        "ids": ids,
    }
    (out / "catalogue.bin").write_bytes(bytes(blobs))
    text = json.dumps(index, separators=(",", ":"))
    (out / "catalogue.json").write_text(text + "\n", encoding="utf-8")
    print(f"catalogue.bin: {len(blobs)} bytes, catalogue.json: {len(text)} bytes")


if __name__ == "__main__":
    main()
