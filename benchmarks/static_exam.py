"""Scores learning-rate laws on a published sweep: what loss each gives away to the sweep's best.

``data/sft_sweep.csv`` holds the facts of 482 runs (35 models, ranks 1 to 128, a constant alpha of
32 assumed, batch 128, 780 steps) from tinker-cookbook's ``recipes/chat_sl/results/sft_sweep.md``,
commit 9dfcc3a2 (Apache-2.0); a cell that was run several times is their median, diverged runs are
not in it. Excess is in percent of the best test loss of the same model and rank, at the sweep's
rate nearest to the law's, and between the rates by a straight line in log rate.

The last table fits the law anew (``static_fit.py``) without one family, and without one model, and
asks it of what was left out: what it would have lost on models that nobody had measured.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from static_fit import fit
from tables import markdown_table

from lora_advisor.laws.rates import supervised_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SWEEP: Final = Path(__file__).parent / "data" / "sft_sweep.csv"
ALPHA: Final = 32
BATCH: Final = 128
STEPS: Final = 780
MEAN_BAR: Final = 0.25
WORST_BAR: Final = 2.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The test loss of one model at one rank by learning rate."""

    model: str
    family: str
    parameters: float
    rank: int
    losses: dict[float, float]

    def excess(self, rate: float) -> float:
        """Return the loss given away at the sweep's rate nearest to ``rate``, in percent."""
        nearest = min(self.losses, key=lambda known: abs(math.log(known / rate)))
        return self._percent(self.losses[nearest])

    def excess_between(self, rate: float) -> float:
        """Return the loss given away at ``rate``, on a line between its neighbours' losses."""
        rates = sorted(self.losses)
        rate = min(max(rate, rates[0]), rates[-1])
        above = next(i for i, known in enumerate(rates) if known >= rate)
        low, high = rates[max(above - 1, 0)], rates[above]
        share = math.log(rate / low) / math.log(high / low) if high > low else 0.0
        return self._percent(self.losses[low] * (1 - share) + self.losses[high] * share)

    def _percent(self, loss: float) -> float:
        return 100 * (loss / min(self.losses.values()) - 1)


def curves() -> list[Curve]:
    """Read the sweep."""
    losses: dict[tuple[str, str, str, str], dict[float, float]] = defaultdict(dict)
    with SWEEP.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = (row["model"], row["family"], row["parameters"], row["rank"])
            losses[key][float(row["learning_rate"])] = float(row["test_nll"])
    return [
        Curve(model=model, family=family, parameters=float(size), rank=int(rank), losses=found)
        for (model, family, size, rank), found in losses.items()
    ]


def ours(curve: Curve) -> float:
    """Return the rate that ``recommend`` gives for the sweep's setup."""
    return supervised_rate(
        rank=curve.rank,
        scaling=ALPHA / curve.rank,
        batch=BATCH,
        parameters=curve.parameters,
        steps=STEPS,
        family=curve.family,
    )


def flat(rate: float) -> Callable[[Curve], float]:
    """Return the law that knows one rate."""
    return lambda _: rate


def by_tinker(curve: Curve) -> float | None:
    """Return tinker-cookbook's formula, which knows Llama and Qwen only."""
    width = WIDTHS.get(curve.model)
    exponent = {"Llama-3": 0.781, "Qwen3": 0.0775, "Qwen3.5": 0.0775}.get(curve.family)
    return 5e-4 * (2000 / width) ** exponent if width and exponent else None


WIDTHS: Final = {
    "meta-llama/Llama-3.2-1B": 2048,
    "meta-llama/Llama-3.2-3B": 3072,
    "meta-llama/Llama-3.1-8B": 4096,
    "meta-llama/Llama-3.1-8B-Instruct": 4096,
    "meta-llama/Llama-3.1-70B": 8192,
    "meta-llama/Llama-3.3-70B-Instruct": 8192,
    "Qwen/Qwen3-235B-A22B-Instruct-2507": 4096,
    "Qwen/Qwen3-VL-235B-A22B-Instruct": 4096,
    "Qwen/Qwen3-30B-A3B": 2048,
    "Qwen/Qwen3-30B-A3B-Base": 2048,
    "Qwen/Qwen3-30B-A3B-Instruct-2507": 2048,
    "Qwen/Qwen3-VL-30B-A3B-Instruct": 2048,
    "Qwen/Qwen3-32B": 5120,
    "Qwen/Qwen3-8B": 4096,
    "Qwen/Qwen3-8B-Base": 4096,
    "Qwen/Qwen3-4B-Instruct-2507": 2560,
    "Qwen/Qwen3.5-397B-A17B": 4096,
    "Qwen/Qwen3.5-35B-A3B": 2048,
    "Qwen/Qwen3.5-35B-A3B-Base": 2048,
    "Qwen/Qwen3.5-27B": 5120,
    "Qwen/Qwen3.5-9B": 4096,
    "Qwen/Qwen3.5-9B-Base": 4096,
    "Qwen/Qwen3.5-4B": 2560,
    "Qwen/Qwen3.6-27B": 5120,
    "Qwen/Qwen3.6-35B-A3B": 2048,
}


def losses_of(law: Callable[[Curve], float | None], sweep: Sequence[Curve]) -> list[list[float]]:
    """Return the excess on every curve a law answers for: at the nearest rate, and between."""
    asked = [(curve, rate) for curve in sweep if (rate := law(curve)) is not None]
    return [
        [curve.excess(rate) for curve, rate in asked],
        [curve.excess_between(rate) for curve, rate in asked],
    ]


def row(name: str, law: Callable[[Curve], float | None], sweep: Sequence[Curve]) -> list[object]:
    """Return a law's line of the table."""
    near, between = losses_of(law, sweep)
    tenth = sorted(near)[int(0.9 * len(near))]
    numbers = [statistics.mean(near), tenth, max(near), statistics.mean(between), max(between)]
    return [name, len(near), *(f"{number:.2f}" for number in numbers)]


def left_out(
    sweep: Sequence[Curve], key: Callable[[Curve], str]
) -> dict[str, tuple[int, list[list[float]], list[list[float]]]]:
    """Score each family (or model) by a law fitted to the others, beside flat 3e-4.

    Returns for each how many curves it has, the refitted law's losses and the flat rate's.
    """
    found = {}
    for name in sorted({key(curve) for curve in sweep}):
        own = [curve for curve in sweep if key(curve) == name]
        law = fit([curve for curve in sweep if key(curve) != name])
        found[name] = (len(own), losses_of(law, own), losses_of(flat(3e-4), own))
    return found


def left_out_rows(sweep: Sequence[Curve]) -> list[list[object]]:
    """Return the table of what was left out: each family, all of them, and all models."""
    families = left_out(sweep, lambda curve: curve.family)
    rows = [_line(name, [found]) for name, found in families.items()]
    rows.append(_line("every family in turn", list(families.values())))
    models = left_out(sweep, lambda curve: curve.model)
    return [*rows, _line("every model in turn", list(models.values()))]


def _line(name: str, found: list[tuple[int, list[list[float]], list[list[float]]]]) -> list[object]:
    row: list[object] = [name, sum(count for count, _, _ in found)]
    for law in (1, 2):
        for reading in (0, 1):
            losses = [loss for one in found for loss in one[law][reading]]  # type: ignore[index]
            row.append(f"{statistics.mean(losses):.2f} ({max(losses):.2f})")
    return row


def main() -> int:
    """Print the tables; exit 1 where the bar is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    sweep = curves()
    table = [row("lora-advisor", ours, sweep), row("tinker-cookbook", by_tinker, sweep)]
    table += [row(f"flat {rate:g}", flat(rate), sweep) for rate in (1e-4, 2e-4, 3e-4, 5e-4, 1e-3)]
    head = ["law", "curves", "mean %", "p90", "worst", "mean, between", "worst, between"]
    print(markdown_table(head, table))
    print()
    head = ["left out", "curves", "refitted", "between", "flat 3e-4", "between"]
    print(markdown_table(head, left_out_rows(sweep)))
    near = losses_of(ours, sweep)[0]
    even = statistics.mean(losses_of(flat(3e-4), sweep)[0])
    passed = statistics.mean(near) <= min(MEAN_BAR, even) and max(near) <= WORST_BAR
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
