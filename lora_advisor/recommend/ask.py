"""From what a user says to a situation: the model, the data, the GPU and the config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor import gpus
from lora_advisor.laws import law
from lora_advisor.recommend.base import find
from lora_advisor.recommend.dataset import measure
from lora_advisor.recommend.situation import METHODS, Situation
from lora_advisor.record import record

if TYPE_CHECKING:
    from pathlib import Path

    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.recommend.base import Base

_BY_TASK: Final = {
    "SEQ_CLS": "classification",
    "TOKEN_CLS": "classification",
    "SEQ_2_SEQ_LM": "seq2seq",
}
_LIKE: Final = {"pretrain": "sft", "ipo": "dpo", "simpo": "orpo", "cpo": "orpo", "rloo": "grpo"}
_HEARING: Final = ("whisper",)
"""Types whose input is sound."""
_CLASSES: Final = {
    "classification": "AutoModelForSequenceClassification",
    "reward": "AutoModelForSequenceClassification",
    "seq2seq": "AutoModelForSeq2SeqLM",
}


class QuestionError(ValueError):
    """What was asked cannot be answered; the message says what to add."""


@record
class Question:
    """What a user said on the command line; None and empty: nothing."""

    model: str = ""
    method: str = ""
    gpu: str = ""
    devices: int | None = None
    dataset: Path | None = None
    tokens: float | None = None
    examples: int | None = None


def situation(question: Question, recipe: Recipe | None, lookup: Lookup) -> Situation:
    """Put together what is known; QuestionError, GpuError and DatasetError say what is wrong."""
    method = question.method or _method(recipe)
    name = question.model or _text(recipe, "model.name_or_path")
    if not name and not lookup.told:
        raise QuestionError("which model? name it with --model (an id or a folder)")
    base = find(name, lookup, _CLASSES.get(method))
    _refuse(base, method)
    sample = measure(question.dataset) if question.dataset is not None else None
    share = law("training.length").figures["share"]
    return Situation(
        base=base,
        method=method,
        tokens=question.tokens or (sample.completion if sample is not None else None),
        examples=question.examples or (sample.examples if sample is not None else None),
        length=sample.at_share(share) if sample is not None else None,
        mean_length=sample.mean if sample is not None else None,
        gpu=gpus.find(question.gpu) if question.gpu else None,
        devices=question.devices or _devices(recipe),
        dataset=str(question.dataset or ""),
        recipe=recipe,
    )


def _refuse(base: Base, method: str) -> None:
    """Refuse a training that needs text of a model that writes none, or that hears."""
    if base.model_type in _HEARING and method != "classification":
        raise QuestionError(
            f"{base.name} ({base.model_type}) takes sound, and no format here trains it on that"
        )
    speaks = base.generates is not False
    if not speaks and method not in ("classification", "reward"):
        raise QuestionError(
            f"{base.name} ({base.model_type}) does not generate text, so there is no {method} "
            "training of it: say --method classification"
        )


def _method(recipe: Recipe | None) -> str:
    """Return the training method of a config, in the words that advice is given for."""
    task = _BY_TASK.get(_text(recipe, "lora.task_type"))
    named = _text(recipe, "train.method")
    named = _LIKE.get(named, named)
    if task is not None and named in ("", "sft"):
        return task
    return named if named in METHODS else "sft"


def _devices(recipe: Recipe | None) -> int:
    value = recipe["run.num_processes"].value if recipe is not None else None
    return value if isinstance(value, int) and value > 0 else 1


def _text(recipe: Recipe | None, field: str) -> str:
    value = recipe[field].value if recipe is not None else None
    return value if isinstance(value, str) else ""
