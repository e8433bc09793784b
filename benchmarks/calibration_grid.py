"""Train the full grid of the calibration benchmark: every learning rate at every rank.

The result, ``results/calibration_grid.json``, is committed: about 20 CPU minutes a domain and
three seeds. Runs that are in the file already are kept, so that an interrupted grid goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from calibration_base import CACHE, LENGTH, ensure

from lora_advisor.calibrate.examples import Example
from lora_advisor.calibrate.setup import Adapter, Base, Setup, Training
from lora_advisor.calibrate.trials import Trial

if TYPE_CHECKING:
    from lora_advisor.calibrate.workbench import Workbench

RESULT: Final = Path(__file__).parent / "results" / "calibration_grid.json"
RATES: Final = (3e-4, 1e-3, 3e-3, 6e-3, 1.2e-2, 2.5e-2, 5e-2, 1e-1)
RANKS: Final = (1, 4, 16, 64)
CASES: Final = (("kjv", 0), ("kjv", 1), ("german", 0), ("german", 1))
STEPS: Final = 150
BATCH: Final = 8
MODULES: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
HELD_OUT: Final = 128
REMAKE: Final = "python benchmarks/calibration_grid.py"


@lru_cache(maxsize=4)
def setup_of(domain: str, r: int = 16, *, batch: int = BATCH, held_out: int = HELD_OUT) -> Setup:
    """Return the fixture's setup: 64-token rows of a domain, LoRA on every projection."""
    from transformers import AutoTokenizer

    folder, texts = ensure()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer.encode(texts[domain])
    rows = [
        Example(tokens=tuple(tokens[i : i + LENGTH]), labels=tuple(tokens[i : i + LENGTH]))
        for i in range(0, len(tokens) - LENGTH, LENGTH)
    ]
    return Setup(
        base=Base(folder=str(folder), threads=1),
        adapter=Adapter(r=r, alpha=2 * r, settings={"target_modules": list(MODULES)}),
        training=Training(batch=batch, micro_batch=batch),
        train=tuple(rows[:-HELD_OUT]),
        held_out=tuple(rows[-held_out:]),
    )


@lru_cache(maxsize=2)
def bench_of(domain: str) -> Workbench:
    """Return the loaded base of a domain, kept for the trials that follow."""
    from lora_advisor.calibrate.workbench import Workbench

    return Workbench(setup_of(domain))


def cell(domain: str, seed: int, r: int, rate: float) -> dict[str, Any]:
    """Train one cell of the grid; the losses are those of 128 held-out rows, in nats."""
    from lora_advisor.calibrate.running import run

    trial = Trial(
        kind="train", learning_rate=rate, r=r, alpha=2 * r, steps=STEPS, batch=BATCH, seed=seed
    )
    outcome = run(bench_of(domain), trial)
    score = round(outcome.score, 5) if outcome.score is not None else None
    found = {"domain": domain, "seed": seed, "r": r, "learning_rate": rate, "loss": score}
    assert outcome.start is not None
    return {**found, "start": round(outcome.start, 5), "seconds": round(outcome.seconds, 2)}


def main() -> None:
    """Train what is missing and write the table after every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    processes = parser.parse_args().processes
    ensure(CACHE)
    table: dict[str, Any] = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    rows: list[dict[str, Any]] = table.get("runs", [])
    done = {(row["domain"], row["seed"], row["r"], row["learning_rate"]) for row in rows}
    cells = [(*case, r, rate) for case, r, rate in product(CASES, RANKS, RATES)]
    missing = [found for found in cells if found not in done]
    began = time.time()
    with ProcessPoolExecutor(processes) as pool:
        for row in pool.map(cell, *zip(*missing, strict=True)) if missing else ():
            rows.append(row)
            write(rows)
            print(f"{len(rows)}/{len(cells)} {time.time() - began:.0f} s {row}", flush=True)


def write(rows: list[dict[str, Any]], path: Path = RESULT, made: str = REMAKE) -> None:
    """Write a table, one run a line, with how to remake it."""
    path.parent.mkdir(exist_ok=True)
    about = {
        "remake": made,
        "steps": STEPS,
        "batch": BATCH,
        "alpha": "2 r",
    }
    lines = ",\n".join(json.dumps(row) for row in rows)
    head = json.dumps(about)[:-1]
    path.write_text(f'{head}, "runs": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
