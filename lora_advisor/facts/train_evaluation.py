"""Facts of evaluation and of keeping the best checkpoint."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Data, Recipe, Train

_SMALLER_IS_BETTER: Final = pattern(
    r"(eval_)?(perplexity|ppl|wer|cer|ter|rmse|mse|mae|error_rate|word_error_rate|nll|bpb)"
)
"""Whole names of metrics that fall as a model gets better and do not end in ``loss``."""


def evaluation_interval(train: Train) -> float:
    """Steps between evaluations: ``eval_steps``, else ``logging_steps``.

    Source: ``transformers.TrainingArguments.__post_init__``.
    """
    return train.eval_steps or train.logging_steps


def saves_off_beat(train: Train) -> bool:
    """Whether the steps of saving are no multiple of those of evaluating.

    Source: ``transformers.TrainingArguments._validate_args``, with its ratios.
    """
    evaluates, saves = evaluation_interval(train), train.save_steps
    if evaluates <= 0 or not math.isfinite(saves / evaluates):
        raise UnknownValueError("an interval is not positive")
    if (evaluates < 1) != (saves < 1):
        return saves % evaluates != 0
    million = 1_000_000 if evaluates < 1 else 1
    return (saves * million) % (evaluates * million) != 0


def direction_guessed_wrong(train: Train) -> bool:
    """Whether a metric that should fall is taken for one that should rise.

    Source: ``transformers.TrainingArguments.__post_init__``: only names that end in ``loss`` fall.
    """
    metric = train.metric_for_best_model
    if metric is None or train.greater_is_better is not None:
        return False
    return _SMALLER_IS_BETTER.fullmatch(metric.lower()) is not None


def holds_out_unused(train: Train, data: Data, recipe: Recipe) -> bool:
    """Whether LLaMA-Factory is given data to evaluate on and nothing that evaluates."""
    others = ("do_eval", "do_predict", "predict_with_generate")
    if any(key.path in others and getattr(key.node, "text", "") != "false" for key in recipe.keys):
        return False
    return train.eval_strategy == "no" and bool(data.eval_split or data.eval_dataset)


def logs_by_steps(recipe: Recipe) -> bool:
    """Whether ``logging_steps`` counts: no ``logging_strategy`` is written."""
    return all(key.name != "logging_strategy" for key in recipe.keys)


def fractional_interval(train: Train, recipe: Recipe) -> float | None:
    """Return an interval above 1 that is no whole number, None if there is none.

    Source: ``transformers.TrainingArguments._validate_args``.
    """
    steps = [
        train.logging_steps if logs_by_steps(recipe) else 0,
        train.save_steps if train.save_strategy == "steps" else 0,
        evaluation_interval(train) if train.eval_strategy == "steps" else 0,
    ]
    return next((number for number in steps if number > 1 and number % 1), None)
