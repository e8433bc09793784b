"""The learning rate's law: by model size, rank, scaling, batch and length of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.laws import Law, law, laws

if TYPE_CHECKING:
    from collections.abc import Mapping

SUPERVISED: Final = ("sft", "pretrain")
_SAME: Final = {"rloo": "grpo", "ipo": "dpo", "simpo": "dpo", "cpo": "orpo"}


def law_of(method: str, parameters: float | None = None) -> Law:
    """Return the law that holds for a training method; ``parameters`` are the base model's."""
    if method in SUPERVISED:
        return law("learning_rate.supervised" if parameters else "learning_rate.unsized")
    return law(f"learning_rate.{_SAME.get(method, method)}")


def known(method: str) -> bool:
    """Whether a law speaks of a training method."""
    return method in SUPERVISED or _SAME.get(method, method) in laws("learning_rate")


def family_of(model_type: str, config: Mapping[str, Any]) -> str | None:
    """Return the family of a base model that the sweep holds runs of, None for any other.

    ``config`` is the model's own; architectures that many families share are told by vocabulary.
    """
    nested = config.get("text_config")
    text = nested if isinstance(nested, dict) else {}
    vocabularies = {config.get("vocab_size"), text.get("vocab_size")}
    for name, family in law("learning_rate.supervised").figures["families"].items():
        own = family.get("vocab_size")
        if model_type in family["model_types"] and (own is None or own in vocabularies):
            return str(name)
    return None


def supervised_rate(  # noqa: PLR0913 - what a rate depends on
    *,
    rank: int,
    scaling: float,
    batch: float,
    parameters: float | None = None,
    steps: int | None = None,
    family: str | None = None,
) -> float:
    """Return the rate of supervised LoRA with AdamW, within the range that the law was seen in.

    ``parameters`` counts the base model's weights (None: as 8e9 of a usual family), ``scaling`` is
    alpha/r or alpha/sqrt(r), ``batch`` counts examples of a step, ``steps`` those of the run;
    ``family`` is what :func:`family_of` told.
    """
    figures = law("learning_rate.supervised").figures
    rate: float = figures["rate"]
    size = parameters or figures["parameters"]
    rate *= (size / figures["parameters"]) ** figures["size_exponent"]
    rate *= (rank / figures["rank"]) ** figures["rank_exponent"]
    rate *= (scaling * rank / figures["alpha"]) ** figures["scaling_exponent"]
    rate *= (batch / figures["batch"]) ** figures["batch_exponent"]
    if family:
        rate *= figures["families"][family]["factor"]
    elif parameters is None:
        rate *= law("learning_rate.unsized").figures["factor"]
    if steps is not None and steps < figures["short_run"]:
        rate *= figures["short_run_factor"]
    return float(min(max(rate, figures["lowest"]), figures["highest"]))


def usual_rate(method: str) -> float:
    """Return where a method's rate starts, nothing else being known: batch 16, rank 32, 8B."""
    if method in SUPERVISED:
        return rounded(supervised_rate(rank=32, scaling=1.0, batch=16))
    rate: float = law_of(method).figures["rate"]
    return rate


def rounded(rate: float) -> float:
    """Round to two digits: more would claim a precision that no law has."""
    return float(f"{rate:.1e}")


def limit(name: str) -> float:
    """Return a rate at which every run goes wrong: diverges, ruins, full_tuning, nothing."""
    figure: float = law("learning_rate.limits").figures[name]
    return figure
