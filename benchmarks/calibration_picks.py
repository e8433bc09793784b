"""Train what the searches of ``calibration.py`` picked as the grid was trained, and score again.

Between the grid's rates ``calibration.py`` reads losses off straight lines, which lie above a bowl:
a pick beside the best rate seems to lose up to one percent that it does not. Here every pick near
the best is trained itself, and the best of all trainings of a case is the truth. The result,
``results/calibration_picks.json``, is committed; about ten CPU seconds a pick.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from calibration import WRITTEN as SCORES
from calibration import Score, grid, start, table
from calibration_grid import cell, write

RESULT: Final = Path(__file__).parent / "results" / "calibration_picks.json"
NEAR: Final = 0.03
"""Share of the gain lost, read off the grid, above which a pick is left at that."""
JOINT: Final = ("rank and rate together", "successive halving, rank and rate")
"""Methods that are compared with the best of all ranks."""

Rows = list[dict[str, Any]]
Case = tuple[str, int, int]


def picks() -> list[Score]:
    """Return what the searches picked; rates that others follow from cost nothing."""
    return [
        found for data in json.loads(SCORES.read_text("utf-8")) if (found := Score(**data)).cost
    ]


def missing(scores: list[Score], rows: Rows) -> list[tuple[str, int, int, float]]:
    """Return the cells to train: near the best, neither in the grid nor trained before."""
    done = {(row["domain"], row["seed"], row["r"], row["learning_rate"]) for row in rows}
    cells = dict.fromkeys(
        (found.domain, found.seed, found.r, found.learning_rate)
        for found in scores
        if found.lost < NEAR and found.learning_rate not in grid()[case_of(found)]
    )
    return [found for found in cells if found not in done]


def case_of(found: Score) -> Case:
    """Return the case of a pick: its domain, seed and rank."""
    return found.domain, found.seed, found.r


def trained(rows: Rows) -> dict[Case, dict[float, float]]:
    """Return the final loss at each rate, of the grid and of the picks."""
    losses = {case: dict(known) for case, known in grid().items()}
    for row in rows:
        loss = row["loss"] if row["loss"] is not None else math.inf
        losses[row["domain"], row["seed"], row["r"]][row["learning_rate"]] = loss
    return losses


def rescored(found: Score, losses: dict[Case, dict[float, float]]) -> Score:
    """Score a pick by its own training, where it has one."""
    mine = losses[case_of(found)]
    if found.learning_rate not in mine:
        return found
    ranks = [case for case in losses if case[:2] == (found.domain, found.seed)]
    cases = ranks if found.method in JOINT else [case_of(found)]
    best, rate = min((loss, rate) for case in cases for rate, loss in losses[case].items())
    lost = (mine[found.learning_rate] - best) / (start(found.domain) - best)
    return replace(found, lost=lost, ratio=found.learning_rate / rate)


def main() -> None:
    """Train the picks that are missing and print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows: Rows = json.loads(RESULT.read_text("utf-8"))["runs"] if RESULT.exists() else []
    scores = picks()
    for place in missing(scores, rows):
        rows.append(cell(*place))
        write(rows, RESULT, "python benchmarks/calibration_picks.py")
        print(rows[-1], flush=True)
    losses = trained(rows)
    print(table([rescored(found, losses) for found in scores]))


if __name__ == "__main__":
    main()
