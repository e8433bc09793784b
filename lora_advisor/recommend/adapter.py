"""Advice on the adapter: what it adapts, its rank, its scaling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.laws import Law, law
from lora_advisor.models.saved import HEADS
from lora_advisor.recommend.memory import ADAPTER
from lora_advisor.recommend.plan import between, within
from lora_advisor.recommend.situation import PREFERENCE, REINFORCEMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.recommend.plan import Plan
    from lora_advisor.recommend.situation import Situation


SHARE: Final = 0.2
"""Of the memory, for the adapter with its gradient and the optimizer's states."""
LEAST: Final = 4


def advise(plan: Plan) -> None:
    """Decide targets, rank, alpha, scaling and dropout."""
    _targets(plan)
    _head(plan)
    _rank(plan)
    _scaling(plan)
    dropout = law("capacity.dropout")
    good = between(0.0, dropout.figures["highest"])
    plan.decide(
        "lora.lora_dropout", dropout.figures["dropout"], dropout, "little is at stake", good
    )


def _targets(plan: Plan) -> None:
    situation = plan.situation
    base = situation.base
    per_rank = f"{base.per_rank:,} parameters per unit of rank" if base.per_rank else ""
    figure = "; ".join(part for part in (per_rank, *base.notes) if part) or "the usual choice"
    plan.decide(
        "lora.target_modules", base.targets, law("capacity.targets"), figure, _covers(situation)
    )


def _head(plan: Plan) -> None:
    """Save what a classifier gets new and PEFT does not save by itself for the task."""
    base = plan.situation.base
    if plan.situation.method not in ("classification", "reward"):
        return
    names = [name for name in (base.head,) if name and name not in HEADS["SEQ_CLS"]]
    if base.model_type in ("deberta", "deberta-v2"):
        names = ["classifier", "pooler"]
    if not names:
        return
    plan.decide(
        "lora.modules_to_save",
        names,
        law("capacity.head"),
        f"its {names[-1]} is new",
        lambda value: isinstance(value, list) and any(names[-1] in str(name) for name in value),
    )


def _covers(situation: Situation) -> Callable[[object], bool]:
    """Return a test: do a config's targets reach the MLP as well as attention?"""
    attention = {"q_proj", "k_proj", "v_proj", "o_proj", "c_attn", "qkv_proj", "query_key_value"}

    def test(value: object) -> bool:
        if isinstance(value, str):
            return value == "all-linear" and not situation.base.notes
        names = (
            {str(name).rpartition(".")[2] for name in value} if isinstance(value, list) else set()
        )
        return bool(names - attention - {"q", "k", "v", "o", "query", "key", "value"})

    return test


def _rank(plan: Plan) -> None:
    found, rank, figure = _advised_rank(plan.situation)
    fitting = _fitting(plan.situation, rank)
    if fitting < rank:
        figure = f"{figure}; memory leaves room for {fitting}"
    most = found.tolerance if fitting == rank else 1.0
    plan.decide("lora.r", fitting, found, figure, within(fitting, 2.0, most))


def _fitting(situation: Situation, rank: int) -> int:
    """Return the rank, halved while the adapter would take more than its share of the memory."""
    gpu, per_rank = situation.gpu, situation.base.per_rank
    if gpu is None or per_rank is None:
        return rank
    while rank > LEAST and ADAPTER * rank * per_rank > SHARE * gpu.memory:
        rank //= 2
    return rank


def _advised_rank(situation: Situation) -> tuple[Law, int, str]:
    method = situation.method
    if method in REINFORCEMENT:
        found = law("capacity.reinforcement")
        return found, found.figures["rank"], "a bit of information per episode"
    if method in PREFERENCE or method == "classification":
        found = law("capacity.preference" if method in PREFERENCE else "capacity.classification")
        return found, found.figures["rank"], found.basis
    return _by_capacity(situation, law("capacity.rank"))


def _by_capacity(situation: Situation, found: Law) -> tuple[Law, int, str]:
    """Return the rank at which the adapter has a parameter for each token, as a power of two."""
    tokens, per_rank = situation.tokens, situation.base.per_rank
    figures = found.figures
    if not tokens or not per_rank:
        missing = "how many tokens are learnt" if not tokens else "the sizes of its layers"
        return found, figures["unknown"], f"{missing} is not known: a common rank"
    needed = tokens / per_rank * figures["tokens_per_parameter"]
    rank = 2 ** math.ceil(math.log2(max(needed, 1)))
    rank = min(max(rank, figures["lowest"]), figures["highest"])
    return found, rank, f"{tokens:,.0f} tokens / {per_rank:,} parameters per rank = {needed:.1f}"


def _scaling(plan: Plan) -> None:
    """Keep a config's convention if its factor is sane: the learning rate follows it."""
    rule, stable = law("capacity.alpha"), law("capacity.stabilised")
    rank = plan.whole("lora.r", 32)
    limits = rule.figures

    def sane(value: object) -> bool:
        return isinstance(value, bool) or (
            isinstance(value, (int, float))
            and limits["least_scaling"] <= value / rank <= limits["most_scaling"]
        )

    plan.decide(
        "lora.lora_alpha", limits["alpha"], rule, "the learning rate is chosen for it", sane
    )
    alpha = plan.number("lora.lora_alpha", 32)

    def bearable(value: object) -> bool:
        return value is False or alpha / math.sqrt(rank) <= limits["most_scaling"]

    plan.decide("lora.use_rslora", False, stable, "not needed with a rate that fits", bearable)


def scaling(plan: Plan) -> float:
    """Return the decided factor on the adapter's output."""
    rank, alpha = plan.number("lora.r", 32), plan.number("lora.lora_alpha", 32)
    return alpha / (math.sqrt(rank) if plan.values.get("lora.use_rslora") is True else rank)
