"""Facts of the learning rate's law: the same figures that ``recommend`` advises by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.laws import law, rates

if TYPE_CHECKING:
    from lora_advisor.recipe import Train


def usual_rate(train: Train) -> float:
    """Learning rate that runs of this method with LoRA start from, to one digit."""
    known = rates.known(train.method)
    return float(f"{rates.usual_rate(train.method if known else 'sft'):.0e}")


def diverging_rate() -> float:
    """Learning rate above which most LoRA runs on language models diverge."""
    return rates.limit("diverges")


def ruinous_rate() -> float:
    """Learning rate that no adapter survives with Adam."""
    return rates.limit("ruins")


def full_tuning_rate() -> float:
    """Learning rate up to which supervised runs look like full fine-tuning."""
    return rates.limit("full_tuning")


def idle_rate() -> float:
    """Learning rate below which a supervised LoRA run hardly changes the model."""
    return rates.limit("nothing")


def large_batch() -> int:
    """Examples of a step from which LoRA loses more than full fine-tuning does."""
    return int(law("training.batch").figures["too_large"])
