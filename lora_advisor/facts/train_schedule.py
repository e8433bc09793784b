"""Facts of the schedule: how long the run is, how it warms up and how the rate falls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.facts.lora import scaling
from lora_advisor.frameworks.known import nearest
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Lora, Recipe, Train
    from lora_advisor.targets import Targets

SCHEDULERS: Final[dict[str, frozenset[str]]] = {
    "linear": frozenset(),
    "cosine": frozenset({"num_cycles"}),
    "cosine_with_restarts": frozenset({"num_cycles"}),
    "polynomial": frozenset({"lr_end", "power"}),
    "constant": frozenset(),
    "constant_with_warmup": frozenset(),
    "inverse_sqrt": frozenset({"timescale"}),
    "cosine_with_min_lr": frozenset({"num_cycles", "min_lr", "min_lr_rate"}),
    "cosine_warmup_with_min_lr": frozenset(
        {"num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"}
    ),
    "warmup_stable_decay": frozenset(
        {
            "num_decay_steps",
            "num_stable_steps",
            "warmup_type",
            "decay_type",
            "min_lr_ratio",
            "num_cycles",
        }
    ),
}
"""What ``lr_scheduler_kwargs`` may hold: the arguments of ``transformers.optimization``."""
_BY_TRANSFORMERS: Final = frozenset(
    {"axolotl", "llamafactory", "trl", "trl-python", "transformers-python"}
    | {"peft-python", "unsloth", "ms-swift"}
)
_ARGUMENTS: Final = frozenset({"per_device_train_batch_size", "load_best_model_at_end"})
"""Flags by which a script shows that it takes all arguments of transformers' trainer."""
_WITHOUT_ARGUMENTS: Final = ("constant", "constant_with_warmup")
_BY_METRIC: Final = ("reduce_lr_on_plateau", "greedy")
_NEVER_SPELT_SO: Final = {
    "cosine_with_warmup": "cosine",
    "cosine_annealing": "cosine",
    "cosineannealinglr": "cosine",
    "linear_with_warmup": "linear",
    "linear_warmup": "linear",
    "wsd": "warmup_stable_decay",
    "none": "constant",
}
_BRIEF: Final = 0.05
_RATE_PER_SCALING: Final = 0.6
"""Measured: the best rate falls as scaling to the power of about -0.5 to -0.7."""


def by_transformers(recipe: Recipe) -> bool:
    """Whether the values reach transformers' trainer as they are; a person's script may differ."""
    return recipe.framework in _BY_TRANSFORMERS


def by_arguments(recipe: Recipe) -> bool:
    """Whether the values reach transformers' arguments: also flags under their very names."""
    names = {key.path for key in recipe.keys} if recipe.framework == "flags" else set()
    return by_transformers(recipe) or bool(names & _ARGUMENTS)


def untouched(recipe: Recipe) -> bool:
    """Whether transformers' trainer alone decides; axolotl counts steps and warm-up itself."""
    return by_transformers(recipe) and recipe.framework != "axolotl"


def horizon(train: Train) -> int:
    """Optimizer steps of the run; unknown where it is given in epochs of data not at hand."""
    if train.max_steps <= 0:
        raise UnknownValueError("the number of steps depends on the data")
    return train.max_steps


def warms_up(train: Train) -> bool:
    """Whether a warm-up is asked for, in steps or as a share."""
    return bool(train.warmup_steps) or bool(train.warmup_ratio)


def warmup_in_steps(train: Train) -> int:
    """Steps of the warm-up; below 1 ``warmup_steps`` is a share, as in transformers 5.

    Source: ``transformers.TrainingArguments.get_warmup_steps``.
    """
    steps = train.warmup_steps or train.warmup_ratio or 0
    if not math.isfinite(steps):
        raise UnknownValueError("the warm-up is no finite number")
    return int(steps) if steps >= 1 else math.ceil(steps * horizon(train))


def warms_up_briefly(train: Train) -> bool:
    """Whether the warm-up is a share of the run of at most five per cent."""
    share = train.warmup_steps or train.warmup_ratio or 0
    return 0 < share <= _BRIEF


def warmup_share(train: Train) -> float:
    """Share of the run that the warm-up takes, 1 for all of it."""
    steps = train.warmup_steps or train.warmup_ratio or 0
    return steps if steps < 1 else steps / horizon(train)


def warmup_written_as_one(train: Train) -> bool:
    """Whether the warm-up is ``1.0``: one step, though every smaller number is a share."""
    return isinstance(train.warmup_steps, float) and train.warmup_steps == 1


def scheduler_known(train: Train) -> bool:
    """Whether transformers has a schedule of that name (``SchedulerType``)."""
    return train.lr_scheduler_type in (*SCHEDULERS, *_BY_METRIC)


def scheduler_meant(train: Train) -> str:
    """Return the schedule that a wrong name is nearest to."""
    name = train.lr_scheduler_type.lower().replace("-", "_")
    return _NEVER_SPELT_SO.get(name) or nearest(name, frozenset(SCHEDULERS)) or "cosine"


def strange_scheduler_arguments(train: Train) -> list[str]:
    """Return the keys of ``lr_scheduler_kwargs`` that the chosen schedule has no argument for."""
    name = train.lr_scheduler_type
    if name not in SCHEDULERS or name in _WITHOUT_ARGUMENTS:
        return []
    return [key for key in train.lr_scheduler_kwargs or {} if key not in SCHEDULERS[name]]


def least_rate_unset(train: Train) -> bool:
    """Whether a schedule that ends at a least rate is not told which, or is told it twice."""
    if train.lr_scheduler_type not in ("cosine_with_min_lr", "cosine_warmup_with_min_lr"):
        return False
    kwargs = train.lr_scheduler_kwargs or {}
    given = [kwargs.get(name) is not None for name in ("min_lr", "min_lr_rate")]
    return sum(given) != 1


def decay_unset(train: Train) -> bool:
    """Whether warm-up, plateau, decay is asked for without the length of the decay."""
    kwargs = train.lr_scheduler_kwargs or {}
    return train.lr_scheduler_type == "warmup_stable_decay" and "num_decay_steps" not in kwargs


def rate_at_unit_scaling(train: Train, lora: Lora, recipe: Recipe, targets: Targets) -> float:
    """Learning rate that would train alike if the adapter's scaling were 1 (a rule of thumb)."""
    factor = scaling(lora, recipe, targets)
    if factor <= 0:
        raise UnknownValueError("the scaling is not positive")
    return float(train.learning_rate * factor**_RATE_PER_SCALING)
