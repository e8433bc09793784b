"""The searches that a calibration is compared with, on a loss whose lowest point is known."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("numpy")

from calibration_rivals import (
    HIGHEST,
    LOWEST,
    Asked,
    halving_drawn,
    halving_spaced,
    halving_told,
    halving_with_rank,
)

from lora_advisor.calibrate.setup import Adapter, Base, Setup, Training
from lora_advisor.calibrate.trials import Outcome, Trial

BEST = 1e-2
SETUP = Setup(
    base=Base(folder=""),
    adapter=Adapter(r=16, alpha=32, settings={}),
    training=Training(batch=8, micro_batch=8),
    train=(),
    held_out=(),
)


def run(trials: list[Trial]) -> list[Outcome]:
    """Answer with the distance from the best rate, and a little more at small ranks."""
    return [
        outcome(trial, abs(math.log(trial.learning_rate / BEST)) + 1 / trial.r) for trial in trials
    ]


def outcome(trial: Trial, loss: float) -> Outcome:
    losses = (loss,) * trial.steps
    rates = (trial.learning_rate,) * trial.steps
    return Outcome(
        trial=trial, learning_rates=rates, losses=losses, start=99.0, score=loss, cost=0.0, extra={}
    )


def asked(draw: int = 0) -> Asked:
    return Asked(setup=SETUP, run=run, seed=0, case="kjv", draw=draw)


@pytest.mark.parametrize("draw", [0, 1])
def test_spaced_rates_end_beside_the_best_one(draw: int) -> None:
    rate, cost = halving_spaced(asked(draw))
    assert abs(math.log10(rate / BEST)) <= 0.25
    assert cost == 160


def test_drawn_rates_depend_on_the_draw_alone() -> None:
    picks = [halving_drawn(asked(draw))[0] for draw in range(6)]
    assert picks == [halving_drawn(asked(draw))[0] for draw in range(6)]
    assert len(set(picks)) > 1
    assert all(LOWEST < rate < HIGHEST for rate in picks)


def test_the_grids_own_rates_hold_its_best_one() -> None:
    assert halving_told(asked())[0] == 1.2e-2


def test_rank_and_rate_cost_what_a_calibration_of_both_does() -> None:
    found, cost = halving_with_rank(asked(), (1, 4, 16, 64))
    assert cost == 240
    assert found.alpha == 2 * found.r
