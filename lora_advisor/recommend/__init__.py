"""Advised values for a fine-tuning: each with its law, the numbers of the case, and how sure it is.

Order: what is adapted and how much, passes and batch, what fits into memory, then the learning rate
for all of that. Data in, advice out: nothing is read or printed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.recommend import adapter, fit, training
from lora_advisor.recommend.plan import Advice, Plan
from lora_advisor.recommend.range import distance
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.recommend.situation import Situation


@record
class Recommendation:
    """Advice in the order it was decided, the values a config takes from it, and remarks.

    ``values`` maps canonical fields to plain values; ``outside`` says how far the case is from
    what the laws were seen on.
    """

    advice: tuple[Advice, ...]
    values: Mapping[str, object]
    notes: tuple[str, ...]
    outside: tuple[str, ...]


def recommend(situation: Situation) -> Recommendation:
    """Advise values for a situation."""
    plan = Plan(situation)
    plan.values |= _given(situation)
    adapter.advise(plan)
    batch = fit.advise(plan, training.advise_batch(plan))
    training.advise_rate(plan, batch)
    training.advise_schedule(plan)
    return Recommendation(
        advice=tuple(plan.advice),
        values=plan.values,
        notes=tuple(plan.notes),
        outside=distance(plan),
    )


def _given(situation: Situation) -> dict[str, object]:
    """Return the values that the situation itself decides."""
    tasks = {"seq2seq": "SEQ_2_SEQ_LM", "classification": "SEQ_CLS", "reward": "SEQ_CLS"}
    return {
        "model.name_or_path": situation.base.name,
        "train.method": situation.method,
        "lora.enabled": True,
        "lora.task_type": tasks.get(situation.method, "CAUSAL_LM"),
        "run.num_processes": situation.devices,
    }
