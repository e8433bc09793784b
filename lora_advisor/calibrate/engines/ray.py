"""Trials as plain Ray tasks, on a cluster that runs already or on a local one.

Ray itself schedules them, and runs a task again whose worker was lost. The address of a running
cluster comes from ``RAY_ADDRESS``, as for every Ray program.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.journal import digest
from lora_advisor.calibrate.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.calibrate.trials import Outcome, Trial

RETRIES: Final = 3


class RayTasks:
    """One task a trial; a worker keeps the base it has loaded for the next one."""

    def __init__(self, setup: Setup, workers: int) -> None:
        ray = _ray()
        self._started = not ray.is_initialized()
        if self._started:
            _start(ray, workers)
        gpus = 1 if setup.base.device.startswith("cuda") else 0
        self._task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_run)
        self._setup = ray.put(setup)
        self._key = digest(setup)

    def map(self, trials: list[Trial]) -> Iterator[Outcome]:
        """Yield outcomes in order; a lost worker's trial is run again."""
        ray = _ray()
        waiting = [self._task.remote(self._key, [self._setup], trial) for trial in trials]
        for task in waiting:
            yield ray.get(task)

    def __enter__(self) -> Self:
        """Return the engine."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster; a local one ends."""
        if self._started:
            _ray().shutdown()


def _start(ray: Any, workers: int) -> None:
    """Join the running cluster, or start a local one."""
    address = os.environ.get("RAY_ADDRESS")
    local = {} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", **local)
    except Exception as error:  # noqa: BLE001 - Ray raises plain ones
        told = str(error).strip().partition("\n")[0]
        raise RefusalError("unsupported", f"Ray does not start: {told}") from None


def make(setup: Setup, workers: int = 2, **_: Any) -> RayTasks:
    """Make the engine."""
    return RayTasks(setup, workers)


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        told = "--engine ray needs Ray: pip install 'lora-advisor[ray]'"
        raise RefusalError("unsupported", told) from None
    return ray


_SETUPS: dict[str, Setup] = {}


@lru_cache(maxsize=1)
def _bench(key: str) -> Any:
    from lora_advisor.calibrate.workbench import Workbench

    return Workbench(_SETUPS[key])


def _run(key: str, setup: list[Any], trial: Trial) -> Outcome:
    """Run a trial in a worker; the setup comes as a reference, fetched once by each process."""
    from lora_advisor.calibrate.running import run

    if key not in _SETUPS:
        _SETUPS[key] = _ray().get(setup[0])
    return run(_bench(key), trial)
