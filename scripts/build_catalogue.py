"""Builds the shipped catalogue of module trees from ``config.json`` files, on torch's meta device.

    build_catalogue.py FOLDER... [--defaults] [--out lora_advisor/models/catalogue.json.gz]

A folder holds ``<org>__<name>/config.json``. Every model is built without weights and without
remote code, once for each auto class that knows its type; what PEFT's matching asks of a model is
written down. ``--defaults`` adds types that no folder has, built from transformers' own defaults:
they give names, no sizes. Needs torch, transformers and peft.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import transformers
from catalogue_configs import AUTO_CLASSES, TEXT_TYPES
from catalogue_tree import Forest, describe

from lora_advisor.models.meta import clean_config, default_auto_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "lora_advisor" / "models" / "catalogue.json.gz"


def main() -> int:
    """Build every model of the folders and write the catalogue; 1 when nothing could be built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--defaults", action="store_true")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    forest = Forest()
    models = [entry for folder in options.folders for entry in read_models(folder, forest)]
    write(options.out, forest, models)
    if options.defaults:
        rest = Forest()
        known = {entry["config"]["model_type"] for entry in models if entry["tables"]}
        write(options.out.with_name("references.json.gz"), rest, list(default_models(known, rest)))
    return 0 if models else 1


def read_models(folder: Path, forest: Forest) -> Iterator[dict[str, Any]]:
    """Yield the catalogue entry of each model of a folder."""
    for path in sorted(folder.glob("*/config.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        entry: dict[str, Any] = {
            "id": path.parent.name.replace("__", "/"),
            "config": clean_config(raw),
        }
        tables = dict(build_all(raw, forest))
        entry["tables"] = tables
        entry["default"] = next(iter(tables), None)
        names = ", ".join(entry["tables"]) or "not built"
        print(f"{entry['id']}: {names}", file=sys.stderr, flush=True)
        yield entry


def default_models(known: set[str], forest: Forest) -> Iterator[dict[str, Any]]:
    """Yield an entry for each further text model of transformers, as its defaults make it."""
    for model_type in sorted(set(TEXT_TYPES) - known):
        try:
            raw = transformers.AutoConfig.for_model(model_type).to_dict()
            shaped = json.loads(json.dumps(clean_config(raw)))
        except Exception as error:  # noqa: BLE001 - defaults that make no model
            print(f"{model_type}: {type(error).__name__}: {error}"[:200], file=sys.stderr)
            continue
        tables = dict(build_all({"model_type": model_type, "architectures": None}, forest))
        if tables:
            print(f"{model_type}: {', '.join(tables)}", file=sys.stderr, flush=True)
            default = next(iter(tables))
            entry = {"id": model_type, "config": shaped, "tables": tables, "default": default}
            yield entry


def build_all(raw: dict[str, Any], forest: Forest) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the table of each auto class that builds, the model's usual class first."""
    first = default_auto_class(raw)
    for auto_class in dict.fromkeys([first, *AUTO_CLASSES]):
        try:
            model = build(raw, auto_class)
        except Exception as error:  # noqa: BLE001 - a type another auto class does not know
            if auto_class == first:
                print(f"  {auto_class}: {type(error).__name__}: {error}"[:200], file=sys.stderr)
            continue
        yield auto_class, describe(model, forest)


def build(raw: dict[str, Any], auto_class: str) -> torch.nn.Module:
    """Build a model on meta from its config alone; an unknown type raises."""
    data = clean_config(raw)
    model_type = data.pop("model_type")
    config = transformers.AutoConfig.for_model(model_type, **data)
    maker = getattr(transformers, auto_class)
    with torch.device("meta"):
        return maker.from_config(config) if auto_class.startswith("Auto") else maker(config)


def write(out: Path, forest: Forest, models: Iterable[dict[str, Any]]) -> None:
    """Write the catalogue, byte for byte the same for the same input."""
    data = {
        "transformers": transformers.__version__,
        "types": sorted(transformers.CONFIG_MAPPING),
        "classes": forest.class_names(),
        "nodes": forest.nodes,
        "models": [*models],
    }
    text = json.dumps(data, separators=(",", ":"), sort_keys=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{out.name}: {len(data['models'])} models, {out.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(main())
