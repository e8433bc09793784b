"""Facts of the batch: how many examples one optimizer step sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._written import value_at
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, Run, Train
    from lora_advisor.targets import Targets

_STEPS: Final = "gradient_accumulation_steps"


def per_step_batch(train: Train) -> int:
    """Examples that one process contributes to an optimizer step: batch times accumulation."""
    if train.auto_find_batch_size:
        raise UnknownValueError("the batch that fits is found when the training starts")
    return train.per_device_train_batch_size * train.gradient_accumulation_steps


def effective_batch(train: Train, run: Run, recipe: Recipe) -> int:
    """Examples of one optimizer step over all processes.

    Source: ``transformers.TrainingArguments.train_batch_size`` times accumulation and world size.
    """
    stated = recipe["train.total_batch_size"].value
    return stated if isinstance(stated, int) else per_step_batch(train) * run.num_processes


def smallest_batch(train: Train, recipe: Recipe) -> int:
    """Return the effective batch as far as it is known: one process where the launch is not."""
    processes = recipe["run.num_processes"].value
    known = processes if isinstance(processes, int) else 1
    return per_step_batch(train) * max(known, 1)


def hidden_accumulation(train: Train) -> int | None:
    """Return ``num_steps`` of ``accelerator_config``, a second place that sets accumulation.

    Source: ``transformers.Trainer.create_accelerator_and_postprocess``.
    """
    kwargs = (train.accelerator_config or {}).get("gradient_accumulation_kwargs")
    steps = kwargs.get("num_steps") if isinstance(kwargs, dict) else None
    return steps if isinstance(steps, int) else None


def lacks_batch_numbers(recipe: Recipe, targets: Targets) -> bool:
    """Whether axolotl is told too few of the three numbers of a batch.

    Two of them had to be set before release 0.19; since then the other two are 1 unless set, and
    the total alone is refused. Source: ``TrainingValidationMixin.check_batch_size_fields``.
    """
    told = [name for name in ("micro_batch_size", _STEPS, "batch_size") if value_at(recipe, name)]
    older = targets.surely_hold({"axolotl": "<0.19"})
    return told == ["batch_size"] or (older and len(told) <= 1)


def total_beside_accumulation(recipe: Recipe) -> bool:
    """Whether axolotl's ``batch_size``, the total, stands beside the accumulation it decides."""
    written = {key.path: getattr(key.node, "text", "") for key in recipe.keys}
    pair = [written.get(name, "") for name in ("batch_size", _STEPS)]
    return all(text not in ("", "0", "null", "~") for text in pair)
