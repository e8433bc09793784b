"""Calibrations of the tiny base by us and by others, scored on the full grid.

Prints, for each method, the share of the achievable gain that its rate loses (mean and worst) and
its cost in steps. ``calibration_grid.py`` made the grid; about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from calibration_grid import RESULT, setup_of
from calibration_rivals import DRAWS, METHODS, Asked, halving_with_rank

from lora_advisor.calibrate.calibration import Calibration, Spent, Wanted, calibrate
from lora_advisor.calibrate.engines import engine
from lora_advisor.calibrate.journal import runner
from lora_advisor.calibrate.ranks import at_rank, moved
from lora_advisor.calibrate.refusals import RefusalError

if TYPE_CHECKING:
    from lora_advisor.calibrate.setup import Setup

WRITTEN: Final = Path(__file__).parent / "results" / "calibration.json"
DOMAINS: Final = ("kjv", "german")
RANKS: Final = (4, 16, 64)
ALL_RANKS: Final = (1, *RANKS)
SEEDS: Final = (0, 1)
SLICE: Final = 32
"""Rows a calibration holds out itself; the grid's own held-out rows are never shown to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One method's pick in one case; ``ratio`` is to the grid's best rate, ``cost`` in steps."""

    method: str
    domain: str
    seed: int
    r: int
    learning_rate: float
    lost: float
    ratio: float
    cost: float


@lru_cache
def grid() -> dict[tuple[str, int, int], dict[float, float]]:
    """Return each case's final loss at each rate."""
    table: dict[tuple[str, int, int], dict[float, float]] = defaultdict(dict)
    for row in json.loads(RESULT.read_text("utf-8"))["runs"]:
        loss = row["loss"] if row["loss"] is not None else math.inf
        table[row["domain"], row["seed"], row["r"]][row["learning_rate"]] = min(loss, row["start"])
    return table


@lru_cache
def start(domain: str) -> float:
    """Return the loss before training."""
    rows = json.loads(RESULT.read_text("utf-8"))["runs"]
    return float(next(row["start"] for row in rows if row["domain"] == domain))


def loss_at(case: tuple[str, int, int], rate: float) -> float:
    """Interpolate the final loss linearly in the log of the rate: never kinder than the truth."""
    points = sorted(grid()[case].items())
    if rate <= points[0][0]:  # below the grid the gain fades in proportion to the rate
        return start(case[0]) - (start(case[0]) - points[0][1]) * rate / points[0][0]
    for (low, at_low), (high, at_high) in pairwise(points):
        if low <= rate <= high:
            share = math.log(rate / low) / math.log(high / low)
            return at_low + share * (at_high - at_low)
    return start(case[0])


def score(method: str, case: tuple[str, int, int], rate: float, cost: float) -> Score:
    """Compare a pick with the best rate of the grid at its rank."""
    domain, seed, r = case
    best_rate, best = min(grid()[case].items(), key=lambda item: item[1])
    return Score(
        method=method,
        domain=domain,
        seed=seed,
        r=r,
        learning_rate=rate,
        lost=(loss_at(case, rate) - best) / (start(domain) - best),
        ratio=rate / best_rate,
        cost=cost,
    )


def case_setup(domain: str, r: int) -> Setup:
    """Return the setup of a case with a held-out slice of the calibration's own."""
    whole = setup_of(domain)
    return replace(
        whole,
        adapter=at_rank(whole.adapter, r),
        train=whole.train[:-SLICE],
        held_out=whole.train[-SLICE:],
    )


def ours(setup: Setup, run: Any, spent: Spent, seed: int, **wanted: Any) -> Calibration:
    """Calibrate with the package."""
    return calibrate(setup, Wanted(seed=seed, **wanted), run, spent)


def case_scores(case: tuple[str, int, int], *, rivals: bool) -> list[Score]:
    """Score every method in one case."""
    domain, seed, r = case
    setup = case_setup(domain, r)
    scores: list[Score] = []
    with engine("serial", setup) as serial:
        spent = Spent()
        run = runner(serial, None, spent.add)
        found = ours(setup, run, spent, seed)
        scores.append(score("calibrate", case, found.learning_rate.advised, found.steps))
        with_rank = ours(setup, run, spent, seed, rank=True)
        scores += _moved(setup, case, with_rank)
        noisy = _batch_one(setup, run, seed)
        scores.append(score("calibrate, range test at batch 1", case, *noisy))
        if rivals:
            scores += _rivals(setup, case, runner(serial, None, Spent().add))
    return scores


def _rivals(setup: Setup, case: tuple[str, int, int], run: Any) -> list[Score]:
    """Score the rivals, those for rank and rate together once a domain and seed."""
    domain, seed, r = case
    scores = [
        score(name, case, *method(asked))
        for name, (method, draws) in METHODS.items()
        for asked in _draws(setup, case, run, draws)
    ]
    for asked in _draws(setup, case, run, DRAWS) if r == RANKS[0] else ():
        found, cost = halving_with_rank(asked, ALL_RANKS)
        name = "successive halving, rank and rate"
        scores.append(joint_score(name, domain, seed, (found.r, found.learning_rate), cost))
    return scores


def _draws(setup: Setup, case: tuple[str, int, int], run: Any, draws: int) -> list[Asked]:
    """Return the case for a rival, once for each of its draws."""
    return [
        Asked(setup=setup, run=run, seed=case[1], case=str(case), draw=draw)
        for draw in range(draws)
    ]


def _batch_one(setup: Setup, run: Any, seed: int) -> tuple[float, float]:
    spent = Spent()
    own = runner_of(run, spent)
    try:
        found = ours(setup, own, spent, seed, range_batch=1)
    except RefusalError as error:
        print("refused", error)
        return math.nan, spent.steps
    return found.learning_rate.advised, found.steps


def runner_of(run: Any, spent: Spent) -> Any:
    """Return a runner that counts its trials anew."""

    def counted(trials: Any) -> Any:
        outcomes = run(trials)
        for outcome in outcomes:
            spent.add(outcome)
        return outcomes

    return counted


def _moved(setup: Setup, case: tuple[str, int, int], found: Calibration) -> list[Score]:
    """Score the rate moved to the other ranks, and rank and rate together."""
    domain, seed, r = case
    assert found.rank is not None
    rate = found.learning_rate.advised
    scores = [
        score(f"moved from r={r}", (domain, seed, other), moved(setup.adapter, rate, other), 0.0)
        for other in ALL_RANKS
        if other != r
    ]
    pick = min(found.rank.recommended, ALL_RANKS[-1])
    picked = (pick, moved(setup.adapter, rate, pick))
    return [
        *scores,
        joint_score("rank and rate together", domain, seed, picked, found.steps),
    ]


def joint_score(method: str, domain: str, seed: int, pick: tuple[int, float], cost: float) -> Score:
    """Compare a rank and its rate with the best cell of the whole grid."""
    r, rate = pick
    cells = [
        (loss, known) for rank in ALL_RANKS for known, loss in grid()[domain, seed, rank].items()
    ]
    best, best_rate = min(cells)
    return Score(
        method=method,
        domain=domain,
        seed=seed,
        r=r,
        learning_rate=rate,
        lost=(loss_at((domain, seed, r), rate) - best) / (start(domain) - best),
        ratio=rate / best_rate,
        cost=cost,
    )


def table(scores: list[Score]) -> str:
    """Return one line a method: mean and worst gain lost, how far off, cost."""
    lines = [f"{'method':34} {'n':>3} {'mean lost':>9} {'worst':>7} {'rate/best':>13} {'steps':>9}"]
    methods = dict.fromkeys(found.method for found in scores)
    for method in methods:
        own = [found for found in scores if found.method == method]
        lost = [found.lost for found in own]
        ratios = [found.ratio for found in own]
        lines.append(
            f"{method:34} {len(own):3} {sum(lost) / len(own):9.1%} {max(lost):7.1%} "
            f"{min(ratios):6.2g}-{max(ratios):<6.2g} {max(found.cost for found in own):9.0f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--domain", choices=DOMAINS, action="append")
    options = parser.parse_args()
    scores: list[Score] = []
    for case in product(options.domain or DOMAINS, SEEDS, RANKS):
        fresh = case_scores(case, rivals=not options.no_rivals)
        scores += fresh
        print(fresh[0], flush=True)
        WRITTEN.write_text(
            json.dumps([asdict(found) for found in scores], indent=0) + "\n", encoding="utf-8"
        )
    print(table(scores))


if __name__ == "__main__":
    main()
