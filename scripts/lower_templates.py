"""Tries the shipped templates on small models, and lets them answer for those they are right for.

    lower_templates.py [--out lora_advisor/models] [--only TYPE…]

A template answers from the least size that it was seen to be right for. Here it is tried on models
as small as those that tests are made of, built on torch's meta device; one that errs on any stays
as it is. Needs torch, transformers and peft.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pack_catalogue import OUT, shipped, write
from shapes.base import Base, watch_reads
from shapes.small import lowered


def main() -> None:
    """Lower the least sizes of the templates and write the catalogue again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    watch_reads()
    published, parts = shipped(argparse.Namespace(out=options.out, work=Path()))
    for kind, part in parts.items():
        if not options.only or kind in options.only:
            part["templates"] = [tried(kind, template, part) for template in part["templates"]]
    write(options.out, published, parts)


def tried(kind: str, template: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return a template with the least sizes it is right for."""
    content = {"nodes": part["forms"], "classes": part["form_classes"]}
    try:
        base = Base(kind, written(template), template["auto"])
        found = lowered({**template, **content}, base)
    except Exception as error:  # noqa: BLE001 - a template whose base cannot be built stays
        print(f"{kind} {template['auto']}: {type(error).__name__}: {error}"[:200], flush=True)
        return template
    told = "as it was" if found["fields"] == template["fields"] else "lowered"
    print(f"{kind} {template['auto']}: {told}", flush=True)
    return {**template, "fields": found["fields"]}


def written(template: dict[str, Any]) -> dict[str, Any]:
    """Return a config that a template holds for, as a file has it."""
    raw: dict[str, Any] = {}
    for path in sorted(filter(None, template["sections"]), key=len):
        holder(raw, path)["model_type"] = template["sections"][path][0]
    values = {**template["defaults"], **template["fixed"]}
    for path, item in values.items():
        if item is not None and path != "num_labels":
            head, _, name = path.rpartition(".")
            holder(raw, f"{head}." if head else "")[name] = json.loads(json.dumps(item))
    return raw


def holder(raw: dict[str, Any], section: str) -> dict[str, Any]:
    """Return the table that a section's fields are written in."""
    for name in section.split(".")[:-1]:
        raw = raw.setdefault(name, {})
    return raw


if __name__ == "__main__":
    main()
