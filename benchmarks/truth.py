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
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from lora_advisor.cli.inspect import command

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lora_advisor.models.resolve import Resolution

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
    """Inspect one pair as a user would, and return it in the shape of PEFT's answer."""
    with TemporaryDirectory() as folder:
        lora = Path(folder, "lora.json")
        lora.write_text(json.dumps(pair["lora"]), encoding="utf-8")
        arguments = [str(models / pair["model"]), "--lora", str(lora), "--isolated"]
        arguments += ["--auto-class", pair["auto_class"], "--output-format", "json"]
        result = CliRunner().invoke(command, arguments)
    if result.exit_code:
        return {"status": "no-table", "note": result.output}
    (inspection,) = json.loads(result.output)["inspections"]
    return told(inspection)


def told(inspection: Mapping[str, Any]) -> dict[str, Any]:
    """Write an inspection in the shape of PEFT's answer."""
    base = {"base_params": inspection["model"]["parameters"], "status": inspection["status"]}
    if inspection["status"] != "ok":
        return {**base, "error_type": inspection["error_type"], "note": inspection["note"]}
    modules = {item["name"]: item["rank"] for item in inspection["modules"]}
    parameters = {item["name"]: item["rank"] for item in inspection["parameters"]}
    counts = _shape(modules, parameters, inspection["saved"])
    return {**base, **counts, "trainable_params": inspection["trainable"]}


def described(resolution: Resolution) -> dict[str, Any]:
    """Write a resolution in the shape of PEFT's answer."""
    modules = {item.name: item.rank for item in resolution.modules}
    parameters = {item.name: item.rank for item in resolution.parameters}
    counts = _shape(modules, parameters, resolution.saved)
    return {"status": "ok", **counts, "trainable_params": resolution.trainable}


def _shape(
    modules: Mapping[str, int], parameters: Mapping[str, int], saved: Iterable[str]
) -> dict[str, Any]:
    ranks = Counter(str(rank) for rank in (*modules.values(), *parameters.values()))
    return {
        "modules_sha": digest(modules),
        "modules_n": len(modules),
        "parameters_sha": digest(parameters),
        "parameters_n": len(parameters),
        "saved_modules": sorted(saved),
        "rank_counts": dict(sorted(ranks.items())),
    }


def digest(names: Iterable[str]) -> str:
    """Return the fingerprint of a set of names."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
