"""The committed measurements of calibrations hold the bar they were made for."""

from __future__ import annotations

import json
from functools import lru_cache
from statistics import fmean

import pytest

pytest.importorskip("numpy")

import calibration_others
import calibration_smollm
from calibration import Score, grid
from calibration_grid import STEPS
from calibration_picks import RESULT, picks, rescored, trained

OURS = "calibrate"
JOINT = "rank and rate together"
NOISY = "calibrate, range test at batch 1"


@lru_cache
def scores() -> dict[str, list[Score]]:
    """Return each method's scores as read off the grid."""
    found: dict[str, list[Score]] = {}
    for score in picks():
        found.setdefault(score.method, []).append(score)
    return found


def test_the_rate_loses_little_and_costs_little() -> None:
    ours = scores()[OURS]
    assert len(ours) == 12
    assert max(score.lost for score in ours) <= 0.03
    assert fmean(score.lost for score in ours) <= 0.015
    assert all(0.5 <= score.ratio <= 2 and score.cost <= 160 for score in ours)
    assert max(score.lost for score in scores()[NOISY]) <= 0.1


def test_rank_and_rate_cost_a_twentieth_of_the_grid() -> None:
    cells = len(
        [rate for case, known in grid().items() if case[:2] == ("kjv", 0) for rate in known]
    )
    joint = scores()[JOINT]
    assert max(score.cost for score in joint) <= min(250, 0.05 * cells * STEPS)
    assert max(score.lost for score in joint) <= 0.03


def test_every_rival_loses_more() -> None:
    losses = trained(json.loads(RESULT.read_text("utf-8"))["runs"])
    mean = {
        method: fmean(rescored(score, losses).lost for score in found)
        for method, found in scores().items()
    }
    ours = {OURS, NOISY, JOINT}
    assert max(mean[OURS], mean[JOINT]) < min(
        at for method, at in mean.items() if method not in ours
    )


def test_other_texts_and_models_lose_as_little() -> None:
    rows = json.loads(calibration_others.WRITTEN.read_text("utf-8"))
    assert len(rows) == len(calibration_others.CASES)
    for row in rows:
        assert row["lost"] <= (0.1 if row["batch"] == 1 else 0.03)
        assert row["steps"] <= 160


def test_a_real_model_loses_a_twentieth_at_most() -> None:
    found = json.loads(calibration_smollm.WRITTEN.read_text("utf-8"))
    for pick in found["picks"]:
        assert pick["lost"] <= 0.05
        assert pick["steps"] <= 200
