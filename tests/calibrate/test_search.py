"""Optuna's search in several processes on one database, one of them killed at work."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from lora_advisor.calibrate.examples import Example
from lora_advisor.calibrate.search import Searched, search
from lora_advisor.calibrate.setup import Adapter, Base, Setup, Training
from lora_advisor.calibrate.trials import Outcome, Trial

pytestmark = pytest.mark.filterwarnings("default")
ROW = Example(tokens=(1, 2), labels=(1, 2))
SETUP = Setup(
    base=Base(folder="base"),
    adapter=Adapter(r=8, alpha=16, settings={}),
    training=Training(batch=8, micro_batch=8),
    train=(ROW,) * 20,
    held_out=(ROW,) * 8,
)


def measured(trial: Trial) -> Outcome:
    """A loss that is lowest at 3e-3, as a model would give it."""
    loss = 2 + 0.1 * math.log(trial.learning_rate / 3e-3) ** 2
    return Outcome(
        trial=trial, learning_rates=(), losses=(), start=4.0, score=loss, cost=20, extra={}
    )


def work(storage: str, trials: int, signs: str = "", *, hang: bool = False) -> Searched:
    def run(asked: list[Trial]) -> list[Outcome]:
        if hang:
            Path(signs).touch()
            time.sleep(60)
        return [measured(trial) for trial in asked]

    return search(SETUP, run, storage=storage, trials=trials, seed=0, ranks=True, heartbeat=1)


def hanging(storage: str, signs: str) -> None:
    work(storage, 99, signs, hang=True)


def started(target: Any, *arguments: object) -> Any:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    return process


def test_finds_the_lowest_loss_and_meets_in_one_study(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    first = work(storage, 10)
    assert len(first.trials) == 10
    again = work(storage, 25)
    assert len(again.trials) == 25
    assert again.trials[0].loss <= first.trials[0].loss
    assert again.trials[0].learning_rate == pytest.approx(3e-3, rel=2)
    assert {tried.r for tried in again.trials} <= {2, 8, 32}
    assert len(work(storage, 25).trials) == 25  # it has as many as it was asked for


def test_a_dead_processes_trial_is_tried_again(tmp_path: Path) -> None:
    import optuna

    storage, signs = f"sqlite:///{tmp_path / 'study.db'}", tmp_path / "at-work"
    other = started(hanging, storage, str(signs))
    deadline = time.monotonic() + 120
    while not signs.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    study = optuna.load_study(study_name=None, storage=storage)
    (lost,) = study.trials
    assert lost.state == optuna.trial.TrialState.RUNNING
    time.sleep(4)  # three silent heartbeats
    found = work(storage, 3)
    assert (len(found.trials), found.given_up) == (3, 1)
    assert lost.params["learning_rate"] in [tried.learning_rate for tried in found.trials]


def two(storage: str) -> None:
    work(storage, 8)


def test_two_processes_share_the_trials(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    work(storage, 1)  # the tables are there
    processes = [started(two, storage) for _ in range(2)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert 8 <= len(work(storage, 8).trials) <= 9  # one may be under way when the eighth ends


def test_a_storage_that_is_none_is_refused() -> None:
    from lora_advisor.calibrate.refusals import RefusalError

    with pytest.raises(RefusalError, match="unsupported"):
        work("nowhere://x", 1)
