"""Free search by Optuna over short runs: learning rate and rank together.

The study lives in a database that several processes may share: each takes trials until the study
has as many as were asked for. A process that dies leaves a trial without a heartbeat; another one
gives it up and tries its values again. What is sampled, stored and scheduled is Optuna's.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.journal import digest
from lora_advisor.calibrate.range_test import HIGHEST, LOWEST
from lora_advisor.calibrate.ranks import FACTOR, at_rank
from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.calibrate.short_runs import STEPS, capped, short_run
from lora_advisor.record import record

if TYPE_CHECKING:
    from lora_advisor.calibrate.engines import Run
    from lora_advisor.calibrate.setup import Setup

HEARTBEAT: Final = 20
"""Seconds between the signs of life of a process at work; three missing ones are its death."""
RETRIES: Final = 2
STARTUP: Final = 6
"""Trials drawn at random before TPE models them."""


@record
class Tried:
    """One finished trial: its values and its held-out loss, in nats."""

    learning_rate: float
    r: int
    loss: float


@record
class Searched:
    """A study's finished trials, best first; ``given_up`` counts those whose process died."""

    trials: tuple[Tried, ...]
    given_up: int
    storage: str


def search(  # noqa: PLR0913 - what a study is made of
    setup: Setup,
    run: Run,
    *,
    storage: str,
    trials: int,
    seed: int,
    ranks: bool,
    heartbeat: int = HEARTBEAT,
) -> Searched:
    """Take trials of a shared study until it has so many; ``storage`` is a database's address.

    The study's name follows from the setup, so that processes of the same config, model and data
    meet in it and others do not. ``ranks`` searches the rank, too.
    """
    optuna = _optuna()
    study = optuna.create_study(
        study_name=f"lora-advisor-{digest(setup)}-{STEPS}",
        storage=_storage(optuna, storage, heartbeat),
        sampler=optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=None),
        load_if_exists=True,
    )
    choices = sorted({max(setup.adapter.r // FACTOR, 1), setup.adapter.r, setup.adapter.r * FACTOR})
    complete = optuna.trial.TrialState.COMPLETE

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("learning_rate", LOWEST, HIGHEST, log=True)
        r = trial.suggest_categorical("r", choices) if ranks else setup.adapter.r
        adapter = at_rank(setup.adapter, r)
        asked = short_run(adapter, rate, batch=setup.training.batch, seed=seed, steps=STEPS)
        return capped(run([asked])[0])

    enough = optuna.study.MaxTrialsCallback(trials, states=(complete,))
    if len(study.get_trials(deepcopy=False, states=(complete,))) < trials:
        study.optimize(objective, callbacks=[enough])
    return _read(optuna, study, setup, storage)


def _storage(optuna: Any, address: str, heartbeat: int) -> Any:
    """Return the shared storage; only databases know which process is still alive."""
    retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
    try:
        return optuna.storages.RDBStorage(
            address,
            heartbeat_interval=heartbeat,
            grace_period=3 * heartbeat,
            heartbeat_stale_trial_callback=retry,
            engine_kwargs={"connect_args": {"timeout": 60}} if "sqlite" in address else None,
        )
    except Exception as error:  # noqa: BLE001 - the database's own kinds of errors
        told = str(error).strip().partition("\n")[0]
        raise RefusalError("unsupported", f"--storage {address}: {told}") from None


def _read(optuna: Any, study: Any, setup: Setup, address: str) -> Searched:
    states = optuna.trial.TrialState
    done = [
        Tried(
            learning_rate=trial.params["learning_rate"],
            r=int(trial.params.get("r", setup.adapter.r)),
            loss=trial.value,
        )
        for trial in study.get_trials(deepcopy=False, states=(states.COMPLETE,))
        if math.isfinite(trial.value)
    ]
    failed = study.get_trials(deepcopy=False, states=(states.FAIL,))
    return Searched(
        trials=tuple(sorted(done, key=lambda tried: tried.loss)),
        given_up=len(failed),
        storage=address,
    )


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        told = "searching needs Optuna: pip install 'lora-advisor[search]'"
        raise RefusalError("unsupported", told) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # heartbeats are experimental since 2020; a user of this command can do nothing about it
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna
