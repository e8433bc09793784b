"""Scores learning-rate laws on a published sweep: what loss each gives away to the sweep's best.

``data/sft_sweep.csv`` holds the facts of 482 runs (35 models, ranks 1 to 128, a constant alpha of
32 assumed, batch 128, 780 steps) from tinker-cookbook's ``recipes/chat_sl/results/sft_sweep.md``,
commit 9dfcc3a2 (Apache-2.0); a cell that was run several times is their median, diverged runs are
not in it. Excess is in percent of the best test loss of the same model and rank, at the sweep's
rate nearest to the law's, and between the rates by a straight line in log rate.

The last table fits the law anew without one family (its rate alone, or the exponents as well) and
asks it of that family: what it would have lost on models nobody had measured.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

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
EXPONENTS: Final = ((-0.15,), (0.1,))
SEARCHED: Final = ((0.0, -0.05, -0.1, -0.15, -0.2, -0.25), (0.0, 0.05, 0.1, 0.15))
"""Exponents of size and rank: our law's, and those tried where they are fitted, too."""


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
    )


def flat(rate: float) -> Callable[[Curve], float]:
    """Return the law that knows one rate."""
    return lambda _: rate


def power(rate: float, size: float, rank: float) -> Callable[[Curve], float]:
    """Return our law with other constants."""
    return lambda curve: rate * (curve.parameters / 8e9) ** size * (curve.rank / 32) ** rank


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


def fitted(
    sweep: Sequence[Curve], sizes: Sequence[float], ranks: Sequence[float]
) -> Callable[[Curve], float]:
    """Fit a law to some curves, by the excess between the sweep's rates."""

    def cost(constants: tuple[float, float, float]) -> float:
        return statistics.mean(losses_of(power(*constants), sweep)[1])

    rates = [2e-4 * 1.1**step for step in range(13)]
    return power(*min(itertools.product(rates, sizes, ranks), key=cost))


def left_out(sweep: Sequence[Curve]) -> list[list[object]]:
    """Score each family by laws fitted to the others, beside ours and flat 3e-4."""
    rows: list[list[object]] = []
    totals: list[list[float]] = [[], [], [], []]
    for family in sorted({curve.family for curve in sweep}):
        own = [curve for curve in sweep if curve.family == family]
        others = [curve for curve in sweep if curve.family != family]
        laws = (fitted(others, *EXPONENTS), fitted(others, *SEARCHED), ours, flat(3e-4))
        found = [losses_of(law, own)[0] for law in laws]
        totals = [total + one for total, one in zip(totals, found, strict=True)]
        rows.append([family, len(own), *(f"{statistics.mean(one):.2f}" for one in found)])
    rows.append(["all", len(sweep), *(f"{statistics.mean(one):.2f}" for one in totals)])
    rows.append(["worst", "", *(f"{max(one):.2f}" for one in totals)])
    return rows


def main() -> int:
    """Print the tables; exit 1 where the bar is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    sweep = curves()
    table = [row("lora-advisor", ours, sweep), row("tinker-cookbook", by_tinker, sweep)]
    table += [row(f"flat {rate:g}", flat(rate), sweep) for rate in (1e-4, 2e-4, 3e-4, 5e-4, 1e-3)]
    head = ["law", "curves", "mean %", "p90", "worst", "mean, between", "worst, between"]
    print(markdown_table(head, table))
    print()
    head = ["family left out", "curves", "rate refitted", "all refitted", "ours", "flat 3e-4"]
    print(markdown_table(head, left_out(sweep)))
    near = losses_of(ours, sweep)[0]
    even = statistics.mean(losses_of(flat(3e-4), sweep)[0])
    passed = statistics.mean(near) <= min(MEAN_BAR, even) and max(near) <= WORST_BAR
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
