"""Trials on several processes of this machine, each with a base of its own."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lora_advisor.calibrate.running import run
from lora_advisor.calibrate.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.calibrate.trials import Outcome, Trial


class Processes:
    """A pool of processes; the setup travels once to each."""

    def __init__(self, setup: Setup, workers: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy torch's locked threads
        self._pool = ProcessPoolExecutor(workers, context, initializer=_keep, initargs=(setup,))

    def map(self, trials: list[Trial]) -> Iterator[Outcome]:
        """Yield outcomes in order."""
        return self._pool.map(_run, trials)

    def __enter__(self) -> Self:
        """Return the engine."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes; trials that have not begun are dropped."""
        self._pool.shutdown(cancel_futures=True)


def make(setup: Setup, workers: int = 2, **_: Any) -> Processes:
    """Make the engine."""
    return Processes(setup, workers)


_SETUP: list[Setup] = []


def _keep(setup: Setup) -> None:
    _SETUP.append(setup)


@lru_cache(maxsize=1)
def _bench() -> Workbench:
    return Workbench(_SETUP[0])


def _run(trial: Trial) -> Outcome:
    return run(_bench(), trial)
