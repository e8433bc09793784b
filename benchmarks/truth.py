"""Compares the resolution of LoRA configs on base models with what PEFT itself answered.

    truth.py PAIRS --models DIR

A line of PAIRS is one pair: ``model`` (a folder of DIR), ``auto_class``, ``lora`` and PEFT's
``answer``: status, error type, modules, parameters, saved modules, ranks, trainable parameters.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lora_advisor.models.adapter import InjectionError, UnresolvedError, from_mapping
from lora_advisor.models.locate import from_folder
from lora_advisor.models.resolve import Resolution, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEYS = (
    "status",
    "error_type",
    "base_params",
    "modules_sha",
    "modules_n",
    "parameters_sha",
    "parameters_n",
    "saved_modules",
    "rank_counts",
    "trainable_params",
)


def main() -> int:
    """Print every difference; 1 when there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    options = parser.parse_args()
    pairs = [json.loads(line) for line in options.pairs.read_text(encoding="utf-8").splitlines()]
    start = perf_counter()
    wrong = [difference for pair in pairs if (difference := compare(pair, options.models))]
    for line in wrong:
        print(line)
    seconds = perf_counter() - start
    print(f"{len(pairs)} pairs, {len(pairs) - len(wrong)} equal, {seconds:.2f} s", file=sys.stderr)
    return 1 if wrong else 0


def compare(pair: Mapping[str, Any], models: Path) -> str | None:
    """Return how our answer differs from PEFT's, None where it does not."""
    ours, truth = answer(pair, models), dict(pair["answer"])
    if truth["status"] == "ok":
        ranks = truth["ranks"]
        counts = {rank: n if isinstance(n, int) else expanded(n) for rank, n in ranks.items()}
        truth["rank_counts"] = counts
    differing = [key for key in KEYS if ours.get(key) != truth.get(key)]
    if not differing:
        return None
    shown = "; ".join(f"{key}: {ours.get(key)} for {truth.get(key)}" for key in differing)
    note = ours.get("note") or truth.get("error")
    return f"{pair['id']} {pair['model']} ({pair['auto_class']}): {shown} [{note}]"


def expanded(names: Iterable[str]) -> int:
    """Count folded names: ``a.{0-2,5}.b`` is four."""
    total = 0
    for name in names:
        inside = name.partition("{")[2].partition("}")[0]
        runs = [run.partition("-") for run in inside.split(",")] if inside else []
        total += sum(int(last or first) - int(first) + 1 for first, _, last in runs) or 1
    return total


def answer(pair: Mapping[str, Any], models: Path) -> dict[str, Any]:
    """Resolve one pair in the shape of PEFT's answer."""
    table = from_folder(models / pair["model"], auto_class=pair["auto_class"])
    if table is None:
        return {"status": "no-table"}
    base = {"base_params": table.parameter_count}
    try:
        return {**base, **described(resolve(from_mapping(pair["lora"]), table))}
    except InjectionError as error:
        return {**base, "status": "peft-error", "error_type": error.kind, "note": str(error)}
    except UnresolvedError as error:
        return {**base, "status": "unresolved", "note": str(error)}


def described(resolution: Resolution) -> dict[str, Any]:
    """Write a resolution in the shape of PEFT's answer."""
    modules = [item.name for item in resolution.modules]
    parameters = [item.name for item in resolution.parameters]
    ranks: dict[str, int] = {}
    for item in (*resolution.modules, *resolution.parameters):
        ranks[str(item.rank)] = ranks.get(str(item.rank), 0) + 1
    return {
        "status": "ok",
        "modules_sha": digest(modules),
        "modules_n": len(modules),
        "parameters_sha": digest(parameters),
        "parameters_n": len(parameters),
        "saved_modules": sorted(resolution.saved),
        "rank_counts": dict(sorted(ranks.items())),
        "trainable_params": resolution.trainable,
    }


def digest(names: Iterable[str]) -> str:
    """Return the fingerprint of a set of names."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
