"""Compares the resolution of random LoRA configs on random models with PEFT's own answers.

    differential.py --models DIR [--pairs 500] [--seed 0] [--resized 0.8]
                    [--written] [--peft VERSION --at FOLDER]

DIR holds ``<org>__<name>/config.json``. Each model is taken as it is or with other sizes, other
numbers of layers and switches turned; PEFT answers in a process of its own (``oracle.py``). For an
older release, install it into a folder (``pip install --no-deps --target FOLDER peft==0.15.2``) and
name both; releases before 0.18 need an environment with transformers 4, whose own builds then stand
for the tables. ``--small`` leaves out models with many layers or experts; ``--written`` takes the
targets that examples and guides write, not names drawn from the model. Printed are the counts of
equal, wrong and abstained answers, and every wrong one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pairs import TASKS, lora
from truth import KEYS, described

from lora_advisor.models.adapter import InjectionError, UnresolvedError, from_mapping
from lora_advisor.models.locate import known
from lora_advisor.models.releases import FIELDS_SINCE, release_of
from lora_advisor.models.resolve import resolve

if TYPE_CHECKING:
    from lora_advisor.models.table import ModuleTable

ORACLE = Path(__file__).with_name("oracle.py")
MAJOR = 5
"""The release of transformers that the catalogue is of."""
DROPPED = ("quantization_config", "auto_map")
HEADS = tuple(TASKS)
KNOWN_FIELDS = 0.9
META = "meta tensors"
"""A module that cannot even be printed without its values: such an error is not the user's."""
_TABLES: dict[str, ModuleTable | None] = {}


def main() -> int:
    """Draw, ask, compare, print; 1 when an answer is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--at", type=Path, default=None)
    parser.add_argument("--peft", default=None)
    parser.add_argument("--resized", type=float, default=0.8)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--written", action="store_true")
    options = parser.parse_args()
    if options.at is not None:
        sys.path.insert(0, str(options.at))  # the release that names the tied layers of a table
    rng = random.Random(options.seed)
    files = sorted(options.models.glob("*/config.json"))
    files = [path for path in files if not options.small or small(json.loads(path.read_text()))]
    pairs = draw(files, rng, options)
    start = perf_counter()
    counts: Counter[str] = Counter()
    for pair, truth in zip(pairs, ask(pairs, options.at), strict=True):
        verdict, text = compare(pair, truth, options.peft)
        counts[verdict] += 1
        if verdict == "wrong":
            print(text, flush=True)
    counted = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
    print(f"{len(pairs)} pairs: {counted}; {perf_counter() - start:.0f} s")
    return 1 if counts["wrong"] else 0


def table_of(config: dict[str, Any], auto_class: str | None) -> ModuleTable | None:
    """Return a model's modules; the last one's are kept for the next pair of it."""
    key = json.dumps([config, auto_class])
    if key not in _TABLES:
        _TABLES.clear()
        _TABLES[key] = _table_of(config, auto_class)
    return _TABLES[key]


def _table_of(config: dict[str, Any], auto_class: str | None) -> ModuleTable | None:
    """Know the modules, or build those of an older transformers as the oracle does."""
    if int(version("transformers").partition(".")[0]) >= MAJOR:
        return known(config, "pair").table(auto_class)
    from lora_advisor.models import build, meta  # needs torch

    auto_class = auto_class or meta.default_auto_class(config)
    try:
        made = meta.described(meta.build(config, auto_class), auto_class)
    except Exception:  # noqa: BLE001 - whatever a config makes a library raise
        return None
    return build.as_table({**made, "transformers": version("transformers")})


def draw(
    files: list[Path], rng: random.Random, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Draw pairs, several for each model so that it is built once.

    Of the fields that a release does not know yet, most are left out: it refuses each alike.
    """
    since = FIELDS_SINCE if options.peft is not None else {}
    release = release_of(options.peft or "")
    pairs: list[dict[str, Any]] = []
    while len(pairs) < options.pairs:
        path = rng.choice(files)
        config = {k: v for k, v in json.loads(path.read_text()).items() if k not in DROPPED}
        if rng.random() < options.resized:
            config = resized(config, rng)
        auto_class = rng.choice([None, None, None, *HEADS])
        table = table_of(config, auto_class)
        if table is None or not table.sized or not table.complete:
            pairs.append({"id": str(len(pairs)), "abstained": True})
            continue
        for _ in range(rng.choice([2, 3, 4])):
            pair = {"id": str(len(pairs)), "model": path.parent.name, "config": config}
            asked = lora(table, rng, written=options.written)
            for key in [k for k in asked if release < since.get(k, release)]:
                if rng.random() < KNOWN_FIELDS:
                    del asked[key]
            pairs.append({**pair, "auto_class": table.auto_class, "lora": asked})
    return pairs[: options.pairs]


def small(config: dict[str, Any]) -> bool:
    """Whether a model is quickly built: without experts or towers, and of few layers."""
    told = json.dumps(config)
    layers = config.get("num_hidden_layers", config.get("n_layer", 12))
    return "expert" not in told and "vision" not in told and layers <= 36


def resized(config: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return a config of another size: few layers, other numbers, here and there a switch."""
    out = dict(config)
    for key, value in config.items():
        if isinstance(value, dict) and key.endswith("_config"):
            out[key] = resized(value, rng)
        elif isinstance(value, bool):
            if "bias" in key or "tie_" in key:
                out[key] = value ^ (rng.random() < 0.2)
        elif isinstance(value, int) and key in (
            "num_hidden_layers",
            "n_layer",
            "n_layers",
            "num_layers",
        ):
            out = layered(out, key, rng.choice([2, 3, 4, 5, 10, 19]))
        elif isinstance(value, int) and _is_size(key) and rng.random() < 0.3:
            out[key] = value * rng.choice([2, 3]) if rng.random() < 0.7 else value // 2 or 1
    return out


def _is_size(key: str) -> bool:
    return key.endswith(("_size", "_dim", "_experts", "_heads"))


def layered(config: dict[str, Any], key: str, count: int) -> dict[str, Any]:
    """Set the number of layers, and cut the lists that have an entry for each."""
    old = config[key]
    cut = {k: v[:count] for k, v in config.items() if isinstance(v, list) and len(v) == old}
    return {**config, **cut, key: count}


def ask(pairs: list[dict[str, Any]], folder: Path | None) -> list[dict[str, Any]]:
    """Return PEFT's answers, in order; pairs we have no answer for are not asked."""
    lines = [json.dumps(pair) for pair in pairs if "abstained" not in pair]
    paths = {"PYTHONPATH": str(folder)} if folder else {}
    ran = subprocess.run(
        [sys.executable, str(ORACLE)],
        input="\n".join(lines),
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, **paths},
    )
    told = (line for line in ran.stdout.splitlines() if line.startswith("{"))
    answers = {a["id"]: a for a in map(json.loads, told)}
    if len(answers) < len(lines):
        raise SystemExit(ran.stderr[-2000:])
    return [answers.get(pair["id"], {}) for pair in pairs]


def compare(pair: dict[str, Any], truth: dict[str, Any], peft: str | None) -> tuple[str, str]:
    """Return ``equal``, ``wrong``, ``abstained`` or ``unbuildable``, and the difference."""
    if "abstained" in pair:
        return "without a table", ""
    if truth["status"] == "model-error" or META in truth.get("error", ""):
        return "unbuildable", ""
    ours = answer(pair, peft)
    if ours["status"] == "unresolved":
        return "abstained", ""
    differing = [key for key in KEYS if ours.get(key) != truth.get(key)]
    if not differing:
        return "equal", ""
    shown = "; ".join(f"{key}: {ours.get(key)} for {truth.get(key)}" for key in differing)
    note = f"{ours.get('note')} | {truth.get('error')} | {truth.get('modules')}"
    sizes = {k: v for k, v in pair["config"].items() if isinstance(v, int)}
    head = f"{pair['model']} ({pair['auto_class']}) {json.dumps(pair['lora'])}"
    return "wrong", f"{head}: {shown} [{note}] {sizes if 'base_params' in differing else ''}"


def answer(pair: dict[str, Any], peft: str | None) -> dict[str, Any]:
    """Resolve a pair without torch, in the shape of the oracle's answer."""
    table = table_of(pair["config"], pair["auto_class"])
    assert table is not None
    base = {"base_params": table.parameter_count}
    extra = {} if peft is None else {"peft": peft}
    try:
        return {**base, **described(resolve(from_mapping(pair["lora"]), table, **extra))}
    except InjectionError as error:
        return {**base, "status": "peft-error", "error_type": error.kind, "note": str(error)}
    except UnresolvedError as error:
        return {**base, "status": "unresolved", "note": str(error)}


if __name__ == "__main__":
    sys.exit(main())
