"""Calibrations beside the main grid: other texts, models, ranks, seeds and batches.

Each case has a grid of its own as the truth: 150 steps at rates a factor of two apart around the
best, and two more between. The result, ``results/calibration_others.json``, is committed; about a
CPU minute a case, and four more for the two further base models. Needs apt (Debian) for the texts.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from calibration_base import CACHE, LENGTH, cut, ensure, train
from calibration_grid import HELD_OUT, MODULES, STEPS
from calibration_texts import base_texts, other_text, unpack

from lora_advisor.calibrate.calibration import Spent, Wanted, calibrate
from lora_advisor.calibrate.engines import engine
from lora_advisor.calibrate.examples import Example
from lora_advisor.calibrate.journal import runner
from lora_advisor.calibrate.setup import Adapter, Base, Setup, Training
from lora_advisor.calibrate.short_runs import capped, short_run

if TYPE_CHECKING:
    from collections.abc import Callable

WRITTEN: Final = Path(__file__).parent / "results" / "calibration_others.json"
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "qwen2": {
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "intermediate_size": 192,
        "tie_word_embeddings": True,
        "max_position_embeddings": 256,
    },
    "gpt2": {"n_embd": 128, "n_layer": 2, "n_head": 4, "n_positions": 256},
}
OWN: Final = 32
"""Rows that a calibration holds out itself."""
SMALLEST: Final = 8
FIRST: Final = 6e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A training that is calibrated; ``batch`` is what its grid takes."""

    base: str
    domain: str
    r: int
    seed: int = 0
    batch: int = 8


CASES: Final = (
    Case(base="llama", domain="russian", r=32, seed=3),
    Case(base="qwen2", domain="russian", r=16, seed=1),
    Case(base="llama", domain="python", r=4),
    Case(base="llama", domain="python", r=16, seed=1),
    Case(base="gpt2", domain="python", r=8),
    Case(base="llama", domain="italian", r=8, batch=4),
    Case(base="llama", domain="c", r=4),
    Case(base="llama", domain="json", r=8),
    Case(base="llama", domain="man-fr", r=2),
    Case(base="gpt2", domain="german", r=4, seed=1),
    Case(base="qwen2", domain="c", r=2),
    Case(base="llama", domain="italian", r=8, seed=2),
    Case(base="llama", domain="c", r=8, seed=4, batch=1),
    Case(base="gpt2", domain="man-fr", r=16, seed=5, batch=1),
)


def base_of(kind: str) -> Path:
    """Return the folder of a base model, trained on the texts of the benchmark's own base."""
    llama, _ = ensure()
    folder = CACHE / kind
    if kind == "llama" or (folder / "config.json").exists():
        return llama if kind == "llama" else folder
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(llama)
    rows = cut([tokenizer.encode(text) for text in base_texts(unpack(CACHE))])
    torch.manual_seed(1)
    ends = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **ends, **SHAPES[kind])
    model = AutoModelForCausalLM.from_config(config)
    train(model, rows, 900)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def setup_of(case: Case, *, batch: int, own: bool) -> Setup:
    """Return a case's setup; ``own``: with held-out rows of the calibration's own."""
    from transformers import AutoTokenizer

    folder = base_of(case.base)
    tokens = AutoTokenizer.from_pretrained(folder).encode(other_text(case.domain, CACHE))
    cuts = [tuple(tokens[i : i + LENGTH]) for i in range(0, len(tokens) - LENGTH, LENGTH)]
    rows = [Example(tokens=row, labels=row) for row in cuts]
    random.Random(5).shuffle(rows)
    seen, held_out = rows[:-HELD_OUT], rows[-HELD_OUT:]
    if own:
        seen, held_out = seen[:-OWN], seen[-OWN:]
    targets = "all-linear" if case.base == "gpt2" else list(MODULES)
    return Setup(
        base=Base(folder=str(folder), threads=1),
        adapter=Adapter(r=case.r, alpha=2 * case.r, settings={"target_modules": targets}),
        training=Training(batch=batch, micro_batch=batch),
        train=tuple(seen),
        held_out=tuple(held_out),
    )


def truth(case: Case) -> tuple[float, dict[float, float]]:
    """Return the loss before training, and the final loss by rate."""
    setup = setup_of(case, batch=case.batch, own=False)
    with engine("serial", setup) as serial:

        def final(rate: float) -> tuple[float, float]:
            trial = short_run(setup.adapter, rate, batch=case.batch, seed=case.seed, steps=STEPS)
            (outcome,) = serial.map([trial])
            return capped(outcome), outcome.start or math.nan

        start = final(FIRST)[1]
        return start, swept(lambda rate: final(rate)[0])


def swept(final: Callable[[float], float]) -> dict[float, float]:
    """Go outwards until both neighbours of the best rate are worse, then look between."""
    places = {place: final(_rate(place)) for place in (-2, 0, 2)}
    best = min(places, key=places.__getitem__)
    while best in (min(places), max(places)):
        further = best - 2 if best == min(places) else best + 2
        places[further] = final(_rate(further))
        best = min(places, key=places.__getitem__)
    places |= {place: final(_rate(place)) for place in (best - 1, best + 1)}
    return {_rate(place): loss for place, loss in sorted(places.items())}


def _rate(place: int) -> float:
    return float(f"{FIRST * 2 ** (place / 2):.6g}")


def loss_at(start: float, grid: dict[float, float], rate: float) -> float:
    """Interpolate in the log of the rate; outside of the grid nothing is won."""
    rates = sorted(grid)
    if rate <= rates[0]:
        return start - (start - grid[rates[0]]) * rate / rates[0]
    above = next((place for place, known in enumerate(rates) if known >= rate), None)
    if above is None:
        return start
    low, high = rates[above - 1], rates[above]
    share = math.log(rate / low) / math.log(high / low)
    return grid[low] + share * (grid[high] - grid[low])


def scored(case: Case) -> dict[str, Any]:
    """Calibrate a case and compare with its grid."""
    start, grid = truth(case)
    batch = max(case.batch, SMALLEST)
    setup = setup_of(case, batch=batch, own=True)
    spent = Spent(batch=batch)
    with engine("serial", setup) as serial:
        found = calibrate(setup, Wanted(seed=case.seed), runner(serial, None, spent.add), spent)
    rate = found.learning_rate.advised * math.sqrt(case.batch / batch)
    best_rate, best = min(grid.items(), key=lambda item: item[1])
    return {
        **asdict(case),
        "start": round(start, 4),
        "grid": {f"{known:.2e}": round(loss, 4) for known, loss in grid.items()},
        "rate": float(f"{rate:.3e}"),
        "ratio": round(rate / best_rate, 2),
        "lost": round((loss_at(start, grid, rate) - best) / (start - best), 4),
        "steps": round(found.steps),
    }


def main() -> None:
    """Run the cases and write the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = []
    for case in CASES:
        rows.append(scored(case))
        print(rows[-1], flush=True)
        WRITTEN.write_text(json.dumps(rows, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
