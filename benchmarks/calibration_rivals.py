"""Other ways to choose a learning rate, on the same trials, each with its cost in steps."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lora_advisor.calibrate.short_runs import capped, short_run
from lora_advisor.calibrate.trials import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.calibrate.trials import Outcome

    Run = Callable[[list[Trial]], list[Outcome]]
    Pick = tuple[float, float]

GRID: Final = (1e-4, 2e-4, 4e-4, 8e-4)
RATES: Final = (3e-4, 1e-3, 3e-3, 6e-3, 1.2e-2, 2.5e-2, 5e-2, 1e-1)
RUNGS: Final = (10, 20, 40)
SHORT: Final = 20
TRIALS: Final = 7


def sweep(setup: Setup, run: Run, seed: int, lowest: float, highest: float) -> Outcome:
    """Raise the rate over 100 steps, as both finders do by default."""
    trial = Trial(
        kind="range",
        learning_rate=lowest,
        highest=highest,
        r=setup.adapter.r,
        alpha=setup.adapter.alpha,
        steps=100,
        batch=setup.training.batch,
        seed=seed,
    )
    return run([trial])[0]


def raw(outcome: Outcome) -> list[float]:
    """Return the plain losses of a range test: what the finders see."""
    pairs = zip(outcome.losses, outcome.base_losses, strict=True)
    return [loss + base for loss, base in pairs if math.isfinite(loss)]


def lightning(setup: Setup, run: Run, seed: int) -> Pick:
    """Read a range test as Lightning 2.6's ``lr_find``: steepest against the linear rate."""
    outcome = sweep(setup, run, seed, 1e-8, 1.0)
    losses: list[float] = []
    mean = 0.0
    for step, loss in enumerate(raw(outcome), start=1):
        mean = 0.98 * mean + 0.02 * loss
        losses.append(mean / (1 - 0.98**step))
    kept, rates = losses[10:-1], outcome.learning_rates[10 : len(losses) - 1]
    return rates[int(np.argmin(np.gradient(kept, rates)))], len(losses)


def lr_finder(setup: Setup, run: Run, seed: int) -> Pick:
    """Read a range test as torch-lr-finder 0.2.2: steepest by position."""
    outcome = sweep(setup, run, seed, 1e-7, 10.0)
    losses: list[float] = []
    for loss in raw(outcome):
        losses.append(0.05 * loss + 0.95 * losses[-1] if losses else loss)
    kept = losses[10:-5]
    return outcome.learning_rates[10 + int(np.argmin(np.gradient(kept)))], len(losses)


def optuna_tpe(setup: Setup, run: Run, seed: int) -> Pick:
    """Search with TPE and the median pruner over short runs, rates from 1e-5 to 0.1."""
    import optuna  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    cost = [0.0]

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
        asked = short_run(setup.adapter, rate, batch=setup.training.batch, seed=seed, steps=SHORT)
        (outcome,) = run([asked])
        trial.report(float(np.mean(outcome.losses[5:10])), 10)
        if trial.should_prune():
            cost[0] += 10
            raise optuna.TrialPruned
        cost[0] += outcome.cost
        return capped(outcome)

    pruner = optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=5)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    while cost[0] < TRIALS * SHORT:
        study.optimize(objective, n_trials=1)
    return float(study.best_params["rate"]), cost[0]


def halving(setup: Setup, run: Run, seed: int) -> Pick:
    """Halve eight rates at 10, 20 and 40 steps of one long schedule, by the training loss."""
    asked = short_run(setup.adapter, 0.0, batch=setup.training.batch, seed=seed, steps=RUNGS[-1])
    outcomes = run([replace(asked, learning_rate=rate) for rate in RATES])
    alive = list(outcomes)
    cost = 0.0
    reached = 0
    for rung in RUNGS:
        cost += len(alive) * (rung - reached)
        reached = rung
        alive.sort(key=lambda outcome: _recent(outcome, rung))
        alive = alive[: max(len(alive) // 2, 1)]
    return alive[0].trial.learning_rate, cost


def fixed_grid(_: Setup, _run: Run, __: int) -> Pick:
    """Take the best of four usual rates; on a base this small it is always the highest."""
    return GRID[-1], len(GRID) * 150


def static(rate: float) -> Callable[[Setup, Run, int], Pick]:
    """Return the rule that always names one rate."""
    return lambda _setup, _run, _seed: (rate, 0.0)


def tinker(setup: Setup, _run: Run, _seed: int) -> Pick:
    """Apply the width rule of tinker-cookbook for Llama models."""
    from transformers import AutoConfig  # noqa: PLC0415

    width = AutoConfig.from_pretrained(setup.base.folder).hidden_size
    return 5e-4 * (2000 / width) ** 0.781, 0.0


def _recent(outcome: Outcome, rung: int) -> float:
    seen = outcome.losses[:rung]
    finite = [loss if math.isfinite(loss) else 99.0 for loss in seen[-5:]]
    return 99.0 if len(seen) < rung else float(np.mean(finite))


METHODS: Final = {
    "Lightning lr_find": lightning,
    "torch-lr-finder": lr_finder,
    "Optuna TPE + pruner": optuna_tpe,
    "successive halving": halving,
    "fixed grid 1e-4..8e-4": fixed_grid,
    "static 3e-4": static(3e-4),
    "static 1e-3": static(1e-3),
    "width rule (tinker)": tinker,
}
