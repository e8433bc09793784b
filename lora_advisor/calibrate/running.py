"""Trials carried out: each a pure function of the workbench's setup and the trial's numbers."""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import torch

from lora_advisor.calibrate.examples import batches
from lora_advisor.calibrate.optimizers import optimizer, schedule
from lora_advisor.calibrate.range_test import passed
from lora_advisor.calibrate.trials import FORWARD, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.calibrate.trials import Trial
    from lora_advisor.calibrate.workbench import Workbench

    Tick = Callable[[], None]

PIECES: Final = 16
"""Pieces of a batch whose gradients the noise scale compares."""


def _silent() -> None:
    """Report no progress."""


def run(bench: Workbench, trial: Trial, tick: Tick = _silent) -> Outcome:
    """Carry one trial out; ``tick`` is called after every optimizer step."""
    began = time.process_time()
    model = bench.fresh(trial.r, trial.alpha, trial.seed)
    model.train()
    made = optimizer(model, bench.setup.training, trial.learning_rate, bench.setup.base.device)
    measured = _KINDS[trial.kind](bench, trial, made, tick)
    return Outcome(trial=trial, seconds=time.process_time() - began, **measured)


def _raise(bench: Workbench, trial: Trial, made: Any, tick: Tick) -> dict[str, Any]:
    """Raise the learning rate geometrically until the loss has passed its minimum."""
    start = [parameter.detach().clone() for parameter in bench.parameters()]
    ratios = [group["lr"] / trial.learning_rate for group in made.param_groups]
    rates: list[float] = []
    losses: list[float] = []
    bases: list[float] = []
    gradient = 0.0
    rows = batches(bench.setup.train, trial.batch, trial.seed)
    for step, batch in enumerate(islice(rows, trial.steps)):
        share = step / max(trial.steps - 1, 1)
        rate = trial.learning_rate * (trial.highest / trial.learning_rate) ** share
        for group, ratio in zip(made.param_groups, ratios, strict=True):
            group["lr"] = rate * ratio
        with bench.untrained(start):
            bases.append(bench.loss(batch))
        loss, norm = _step(bench, made, batch)
        tick()
        rates.append(rate)
        losses.append(loss - bases[-1])
        gradient = max(gradient, norm)
        if not math.isfinite(loss) or passed(losses):
            break
    cost = len(rates) * (1 + FORWARD)
    return {
        "learning_rates": tuple(rates),
        "losses": tuple(losses),
        "base_losses": tuple(bases),
        "cost": cost,
        "gradient": gradient,
        "extra": {},
    }


def _train(bench: Workbench, trial: Trial, made: Any, tick: Tick) -> dict[str, Any]:
    """Train with the config's schedule squeezed into the steps, then score."""
    start = bench.start()
    plan = schedule(made, bench.setup.training, trial.steps)
    rates: list[float] = []
    losses: list[float] = []
    gradient = 0.0
    for batch in islice(batches(bench.setup.train, trial.batch, trial.seed), trial.steps):
        rates.append(made.param_groups[0]["lr"])
        loss, norm = _step(bench, made, batch)
        plan.step()
        tick()
        losses.append(loss)
        gradient = max(gradient, norm)
        if not math.isfinite(loss):
            break
    score = bench.score() if math.isfinite(losses[-1]) else math.inf
    return {
        "learning_rates": tuple(rates),
        "losses": tuple(losses),
        "start": start,
        "score": score if math.isfinite(score) else math.inf,
        "cost": len(rates) + FORWARD * len(bench.setup.held_out) / trial.batch,
        "gradient": gradient,
        "extra": {},
    }


def _step(bench: Workbench, made: Any, batch: Any) -> tuple[float, float]:
    made.zero_grad()
    loss = bench.loss(batch, backward=True)
    limit = bench.setup.training.max_grad_norm or math.inf
    norm = float(torch.nn.utils.clip_grad_norm_(bench.parameters(), limit))
    made.step()
    return loss, norm


def _noise(bench: Workbench, trial: Trial, made: Any, tick: Tick) -> dict[str, Any]:
    """Train, then compare the gradients of small pieces with that of them all together.

    The simple noise scale of McCandlish et al. (2018), appendix A.1: two batch sizes give
    unbiased estimates of the squared gradient and of the scatter.
    """
    measured = _train(bench, trial, made, tick)
    size = max(trial.batch // 4, 1)
    # a place in the order that the training has not reached
    rows = batches(bench.setup.train, size, trial.seed + 1)
    made.zero_grad()
    small: list[float] = []
    summed = [torch.zeros_like(parameter) for parameter in bench.parameters()]
    for piece in islice(rows, PIECES):
        bench.loss(piece, backward=True)
        gradients = [
            p.grad if p.grad is not None else torch.zeros_like(p) for p in bench.parameters()
        ]
        small.append(_squared(gradients))
        for total, gradient in zip(summed, gradients, strict=True):
            total.add_(gradient / PIECES)
        made.zero_grad()
    scatter, signal = _split(sum(small) / PIECES, _squared(summed), size, size * PIECES)
    cost = measured["cost"] + PIECES * size / trial.batch
    return {**measured, "cost": cost, "extra": {"scatter": scatter, "signal": signal}}


def _squared(tensors: list[torch.Tensor]) -> float:
    return float(sum((tensor.double() ** 2).sum() for tensor in tensors))


def _split(small: float, large: float, size: int, whole: int) -> tuple[float, float]:
    signal = (whole * large - size * small) / (whole - size)
    scatter = (small - large) / (1 / size - 1 / whole)
    return scatter, signal


_KINDS: Final = {"range": _raise, "train": _train, "noise": _noise}
