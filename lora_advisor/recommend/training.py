"""Advice on the training: batch, passes, learning rate and schedule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lora_advisor.laws import Law, law
from lora_advisor.laws.rates import SUPERVISED, family_of, law_of, rounded, supervised_rate
from lora_advisor.recommend.adapter import scaling
from lora_advisor.recommend.plan import between, within
from lora_advisor.recommend.situation import PREFERENCE, REINFORCEMENT

if TYPE_CHECKING:
    from lora_advisor.recommend.plan import Plan
    from lora_advisor.recommend.situation import Situation

_SUPERVISED: tuple[str, ...] = (*SUPERVISED, "seq2seq", "classification")


def advise_batch(plan: Plan) -> int:
    """Decide the passes over the data and return the wanted batch of a step."""
    _epochs(plan)
    found, batch, _ = wanted_batch(plan)
    if plan.situation.method in REINFORCEMENT:
        generations = found.figures["generations"]
        figure = f"{found.figures['prompts']} prompts a step"
        plan.decide("train.num_generations", generations, found, figure, between(4, 64))
        batch = found.figures["prompts"] * plan.whole("train.num_generations", generations)
    return batch


def _epochs(plan: Plan) -> None:
    situation = plan.situation
    stated = situation.current("train.max_steps")
    if stated is not None and isinstance(stated.value, int) and stated.value > 0:
        return  # the config counts steps
    found = law("training.epochs")
    figures, examples = found.figures, situation.examples
    if situation.method in (*PREFERENCE, *REINFORCEMENT):
        number, figure = 1, "preferences and rewards are learnt by heart soon"
    elif not examples:
        number, figure = figures["some"], "how many examples there are is not known"
    else:
        steps = sum(examples >= figures[name] for name in ("some_from", "many_from"))
        number = (figures["few"], figures["some"], figures["many"])[steps]
        figure = f"{examples:,} examples"
    plan.decide("train.num_train_epochs", number, found, figure, between(1, figures["highest"]))


def wanted_batch(plan: Plan) -> tuple[Law, int, str]:
    """Return the law, the examples of a step that it asks for, and the numbers behind it."""
    situation = plan.situation
    if situation.method in REINFORCEMENT:
        found = law("training.group_batch")
        batch = found.figures["prompts"] * found.figures["generations"]
        return found, batch, f"{found.figures['prompts']} prompts of {found.figures['generations']}"
    if situation.method in PREFERENCE:
        found = law("training.preference_batch")
        return found, found.figures["batch"], "pairs of a step"
    return _supervised_batch(plan, law("training.batch"))


def _supervised_batch(plan: Plan, found: Law) -> tuple[Law, int, str]:
    """Return 16, fewer where a run would have too few steps and more where it has plenty."""
    figures, examples = found.figures, plan.situation.examples
    batch: int = figures["batch"]
    if not examples:
        return found, batch, "how many examples there are is not known"
    seen = examples * plan.number("train.num_train_epochs", 1)
    while batch > figures["least"] and seen / batch < figures["steps_wanted"]:
        batch //= 2
    if seen / figures["most"] > figures["steps_plenty"]:
        batch = figures["most"]
    return found, batch, f"{math.ceil(seen / batch):,} steps of {batch}"


def steps(plan: Plan, batch: float) -> int | None:
    """Return the optimizer steps of the run, None where the number of examples is not known."""
    stated = plan.situation.current("train.max_steps")
    if stated is not None and isinstance(stated.value, int) and stated.value > 0:
        return stated.value
    examples = plan.situation.examples
    if not examples:
        return None
    return math.ceil(examples / batch) * math.ceil(plan.number("train.num_train_epochs", 1))


def advise_rate(plan: Plan, batch: float) -> None:
    """Decide the learning rate for the rank, scaling and batch decided before."""
    situation = plan.situation
    found = law_of(situation.method, situation.base.parameters)
    if situation.method in SUPERVISED:
        rate, figure = _supervised(plan, batch, situation)
        good = within(rate, found.tolerance)
    else:
        figures = found.figures
        rate, figure = figures["rate"], found.basis
        good = between(figures["low"], figures["high"])
    plan.decide("train.learning_rate", rate, found, figure, good)


def _supervised(plan: Plan, batch: float, situation: Situation) -> tuple[float, str]:
    size, length = situation.base.parameters, steps(plan, batch)
    rank, factor = plan.whole("lora.r", 32), scaling(plan)
    family = family_of(situation.base.model_type, situation.base.config)
    rate = supervised_rate(
        rank=rank, scaling=factor, batch=batch, parameters=size, steps=length, family=family
    )
    named = f"{size / 1e9:.3g}B" if size else "size unknown"
    named += f" of {family}" if family else ""
    short = ", short run" if length is not None and length < 100 else ""  # noqa: PLR2004
    return rounded(rate), f"{named}, rank {rank}, scaling {factor:g}, batch {batch:g}{short}"


def advise_schedule(plan: Plan) -> None:
    """Decide warm-up, schedule, optimizer and weight decay."""
    warmup = law("training.warmup")
    _warmup(plan, warmup)
    schedule = law("training.schedule")
    decaying = schedule.figures["decaying"]
    plan.decide(
        "train.lr_scheduler_type",
        schedule.figures["scheduler"],
        schedule,
        "falls to zero",
        lambda value: value in decaying,
    )
    optimizer = law("training.optimizer")
    plan.decide(
        "train.optim",
        optimizer.figures["optimizer"],
        optimizer,
        "AdamW",
        lambda value: "adam" in str(value),
    )
    decay = law("capacity.weight_decay")
    good = between(0.0, decay.figures["highest"])
    plan.decide("train.weight_decay", decay.figures["decay"], decay, "little is at stake", good)


def _warmup(plan: Plan, found: Law) -> None:
    situation, figures = plan.situation, found.figures
    counted = situation.current("train.warmup_steps")
    share = situation.current("train.warmup_ratio")
    if counted is not None and counted.written and counted.value:
        plan.decide("train.warmup_steps", counted.value, found, "as the config counts it")
    else:
        good = between(figures["lowest"], figures["highest"])
        given = good if share is not None and share.written else None
        plan.decide("train.warmup_ratio", figures["share"], found, "of all steps", given)
