"""Other ways to choose a learning rate, on the same trials, each with its cost in steps.

A search is given at least the steps that a calibration takes, and rates of its own over four
decades (a calibration looks through five): drawn, or half a decade apart. Given the grid's own
rates, a search can hit its best one exactly, which nobody can who has no grid yet; that is measured
beside the others and marked. What depends on luck is measured for several draws.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lora_advisor.calibrate.ranks import at_rank
from lora_advisor.calibrate.short_runs import capped, short_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.calibrate.trials import Outcome, Trial

    Run = Callable[[list[Trial]], list[Outcome]]
    Pick = tuple[float, float]
    Method = Callable[["Asked"], Pick]

GRID: Final = (1e-4, 2e-4, 4e-4, 8e-4)
SWEPT: Final = (3e-4, 1e-3, 3e-3, 6e-3, 1.2e-2, 2.5e-2, 5e-2, 1e-1)
"""The rates of the grid that scores the picks."""
LOWEST: Final = 1e-5
HIGHEST: Final = 1e-1
RUNGS: Final = (10, 20, 40)
SHORT: Final = 20
TRIALS: Final = 7
RATES: Final = 8
OFFSETS: Final = 2
"""Halvings' rates lie on a lattice so much finer than half a decade: draws share their runs."""
CELLS: Final = 12
"""Pairs of rate and rank: their rungs cost what a calibration with rank does."""
DRAWS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A case for a rival; ``draw`` counts how often it has been asked with other luck."""

    setup: Setup
    run: Run
    seed: int
    case: str = ""
    draw: int = 0

    @property
    def luck(self) -> random.Random:
        """Return a source of draws, the same for the same case and draw."""
        return random.Random(f"{self.case} {self.draw}")

    def short(self, rate: float, steps: int, r: int | None = None) -> Trial:
        """Return a training at the case's rank or another."""
        adapter = at_rank(self.setup.adapter, r) if r else self.setup.adapter
        batch = self.setup.training.batch
        return short_run(adapter, rate, batch=batch, seed=self.seed, steps=steps)


def sweep(asked: Asked, lowest: float, highest: float) -> Outcome:
    """Raise the rate over 100 steps, as both finders do by default."""
    trial = replace(asked.short(lowest, 100), kind="range", highest=highest)
    return asked.run([trial])[0]


def raw(outcome: Outcome) -> list[float]:
    """Return the plain losses of a range test: what the finders see."""
    pairs = zip(outcome.losses, outcome.base_losses, strict=True)
    return [loss + base for loss, base in pairs if math.isfinite(loss)]


def lightning(asked: Asked) -> Pick:
    """Read a range test as Lightning 2.6's ``lr_find``: steepest against the linear rate."""
    outcome = sweep(asked, 1e-8, 1.0)
    losses: list[float] = []
    mean = 0.0
    for step, loss in enumerate(raw(outcome), start=1):
        mean = 0.98 * mean + 0.02 * loss
        losses.append(mean / (1 - 0.98**step))
    kept, rates = losses[10:-1], outcome.learning_rates[10 : len(losses) - 1]
    return rates[int(np.argmin(np.gradient(kept, rates)))], len(losses)


def lr_finder(asked: Asked) -> Pick:
    """Read a range test as torch-lr-finder 0.2.2: steepest by position."""
    outcome = sweep(asked, 1e-7, 10.0)
    losses: list[float] = []
    for loss in raw(outcome):
        losses.append(0.05 * loss + 0.95 * losses[-1] if losses else loss)
    kept = losses[10:-5]
    return outcome.learning_rates[10 + int(np.argmin(np.gradient(kept)))], len(losses)


def optuna_tpe(asked: Asked) -> Pick:
    """Search with TPE and the median pruner over short runs."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    cost = [0.0]

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("rate", LOWEST, HIGHEST, log=True)
        (outcome,) = asked.run([asked.short(rate, SHORT)])
        trial.report(float(np.mean(outcome.losses[5:10])), 10)
        if trial.should_prune():
            cost[0] += 10
            raise optuna.TrialPruned
        cost[0] += outcome.cost
        return capped(outcome)

    pruner = optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=5)
    sampler = optuna.samplers.TPESampler(seed=asked.luck.randrange(2**31))
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    while cost[0] < TRIALS * SHORT:
        study.optimize(objective, n_trials=1)
    return float(study.best_params["rate"]), cost[0]


def halving_drawn(asked: Asked) -> Pick:
    """Halve rates drawn evenly over the logarithm."""
    luck = asked.luck
    return halving(asked, [_drawn(luck) for _ in range(RATES)])


def halving_spaced(asked: Asked) -> Pick:
    """Halve rates half a decade apart; each draw begins at another place."""
    return halving(asked, [_rate(place * OFFSETS + asked.draw) for place in range(RATES)])


def halving_told(asked: Asked) -> Pick:
    """Halve the grid's own rates."""
    return halving(asked, list(SWEPT))


def halving(asked: Asked, rates: list[float]) -> Pick:
    """Halve at 10, 20 and 40 steps of one long schedule."""
    best, cost = _halved(asked, [asked.short(rate, RUNGS[-1]) for rate in rates])
    return best.learning_rate, cost


def halving_with_rank(asked: Asked, ranks: tuple[int, ...]) -> tuple[Trial, float]:
    """Halve drawn pairs of rate and rank."""
    luck = asked.luck
    drawn = [(_drawn(luck), luck.choice(ranks)) for _ in range(CELLS)]
    return _halved(asked, [asked.short(rate, RUNGS[-1], r) for rate, r in drawn])


def _halved(asked: Asked, trials: list[Trial]) -> tuple[Trial, float]:
    alive = asked.run(trials)
    cost = 0.0
    reached = 0
    for rung in RUNGS:
        cost += len(alive) * (rung - reached)
        reached = rung
        alive.sort(key=lambda outcome: _recent(outcome, rung))
        alive = alive[: max(len(alive) // 2, 1)]
    return alive[0].trial, cost


def _drawn(luck: random.Random) -> float:
    return _rate(luck.randrange(RATES * OFFSETS))


def _rate(place: int) -> float:
    """Return the rate at a place of the lattice, the same part of a step from both ends."""
    return float(LOWEST * (HIGHEST / LOWEST) ** ((place + 0.5) / (RATES * OFFSETS)))


def fixed_grid(_: Asked) -> Pick:
    """Take the best of four usual rates; on a base this small it is always the highest."""
    return GRID[-1], len(GRID) * 150


def static(rate: float) -> Method:
    """Return the rule that always names one rate."""
    return lambda _asked: (rate, 0.0)


def tinker(asked: Asked) -> Pick:
    """Apply the width rule of tinker-cookbook for Llama models."""
    from transformers import AutoConfig

    width = AutoConfig.from_pretrained(asked.setup.base.folder).hidden_size
    return 5e-4 * (2000 / width) ** 0.781, 0.0


def _recent(outcome: Outcome, rung: int) -> float:
    """Return the held-out loss at the end, before it the mean of five training losses."""
    if rung == RUNGS[-1]:
        return capped(outcome)
    seen = outcome.losses[:rung]
    finite = [loss if math.isfinite(loss) else 99.0 for loss in seen[-5:]]
    return 99.0 if len(seen) < rung else float(np.mean(finite))


METHODS: Final[dict[str, tuple[Method, int]]] = {
    "Lightning lr_find": (lightning, 1),
    "torch-lr-finder": (lr_finder, 1),
    "Optuna TPE + pruner": (optuna_tpe, DRAWS),
    "successive halving, drawn rates": (halving_drawn, 2 * DRAWS),
    "successive halving, spaced rates": (halving_spaced, OFFSETS),
    "successive halving, grid's rates": (halving_told, 1),
    "fixed grid 1e-4..8e-4": (fixed_grid, 1),
    "static 3e-4": (static(3e-4), 1),
    "static 1e-3": (static(1e-3), 1),
    "width rule (tinker)": (tinker, 1),
}
"""Each rival, and how many draws of it are measured."""
