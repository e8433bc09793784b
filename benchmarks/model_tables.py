"""Compares the module table of every model of a folder with the model as transformers builds it.

    model_tables.py DIR [--templates] [--json FILE]

DIR holds ``<org>__<name>/config.json``. Compared are names, kinds, classes, shapes, ties, shared
modules and embeddings; a model is ``equal``, ``wrong``, ``abstained`` (no table, or one of names
alone) or ``unbuildable`` (by this transformers). ``--templates`` leaves the catalogue's own entry
of each model aside, so that what answers is the type's size template. Needs the extra ``[model]``.
Run by an older transformers, it tells which models have other names there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import transformers

from lora_advisor.models import build, catalogue, meta
from lora_advisor.models.locate import known

if TYPE_CHECKING:
    from lora_advisor.models.table import ModuleTable


def main() -> int:
    """Print a line for each model that is not equal, and the counts; 1 when one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--templates", action="store_true")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    if options.templates:
        catalogue.models = none_known
    build.kept = lambda *_: None
    found = {
        path.parent.name: verdict(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(options.folder.glob("*/config.json"))
    }
    for name, (word, detail) in found.items():
        if word != "equal":
            print(f"{word:12} {name}: {detail}")
    counts = Counter(word for word, _ in found.values())
    counted = ", ".join(f"{counts[word]} {word}" for word in sorted(counts))
    print(f"{len(found)} models with transformers {transformers.__version__}: {counted}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 1 if counts["wrong"] else 0


def none_known(model_type: str) -> list[dict[str, Any]]:
    """Know no published model of a type."""
    del model_type
    return []


def verdict(config: dict[str, Any]) -> tuple[str, str]:
    """Return how the table of a config compares with the model, and what differs."""
    ours = known(config, "here").table()
    auto_class = ours.auto_class if ours is not None else meta.default_auto_class(config)
    try:
        made = meta.described(meta.build(config, auto_class), auto_class)
    except Exception as error:  # noqa: BLE001 - whatever a config makes a library raise
        kind = "no table either" if ours is None else "has a table"
        text = " ".join(f"{type(error).__name__}: {error}".split())[:110]
        return "unbuildable", f"{kind}; {text}"
    if ours is None or not ours.sized or not ours.complete:
        return "abstained", auto_class if ours is None else "names alone"
    real = build.as_table({**made, "transformers": transformers.__version__})
    difference = differs(ours, real) if real is not None else "no table"
    return ("wrong", difference) if difference else ("equal", "")


def differs(ours: ModuleTable, real: ModuleTable) -> str:
    """Say where two tables first differ, empty where they do not."""
    pairs = zip(map(told, ours.modules), map(told, real.modules), strict=False)
    first = next((f"{one} for {other}" for one, other in pairs if one != other), "")
    if first or len(ours.modules) != len(real.modules):
        return first or f"{len(ours.modules)} modules for {len(real.modules)}"
    keys = (
        *("model_type", "input_embedding", "output_embedding", "tie_word_embeddings"),
        *("tied_modules", "shared_modules", "shared_parameters", "generates", "parameter_count"),
    )
    return "; ".join(
        f"{key}: {getattr(ours, key)} for {getattr(real, key)}"
        for key in keys
        if getattr(ours, key) != getattr(real, key)
    )[:300]


def told(module: Any) -> tuple[Any, ...]:
    """Return all that is known of a module, to compare by."""
    own = (module.name, module.kind, module.class_name, module.parameters)
    return (*own, module.transposed, module.groups)


if __name__ == "__main__":
    sys.exit(main())
