"""Facts of preference and reinforcement training: groups, losses and reference models."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import by_name
from lora_advisor.recipe import UNKNOWN, UnknownValueError
from lora_advisor.source.scalars import is_placeholder, plain_value
from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from lora_advisor.recipe import Lora, Model, Recipe, Run, Train, WrittenKey

_DPO: Final = ("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard")
_DPO_LATER: Final = (
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
    "sigmoid_norm",
)
_GRPO: Final = ("grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo")
_LOSSES: Final = {
    "dpo": frozenset({*_DPO, *_DPO_LATER}),
    "grpo": frozenset(_GRPO),
    "kto": frozenset({"kto", "apo_zero_unpaired"}),
}
"""Losses of TRL 1.16. Source: ``_compute_loss`` of its DPO, GRPO and KTO trainers."""
_SMOOTHED: Final = "exo_pair"


def generation_batch(train: Train, run: Run, recipe: Recipe) -> int:
    """Completions that are generated at a time, over all processes.

    axolotl's own check of the groups counts one process. Source: ``GRPOConfig.__post_init__``,
    ``axolotl.utils.schemas.validation.check_grpo_batch_size_divisibility``.
    """
    if train.generation_batch_size is not None:
        return train.generation_batch_size
    one = generation_batch_of_one(train)
    checked = recipe.framework == "axolotl" and recipe["train.num_generations"].written
    return one if checked else one * run.num_processes


def generation_batch_of_one(train: Train) -> int:
    """Completions that one process generates at a time: its batch times the steps they last."""
    if train.auto_find_batch_size:
        raise UnknownValueError("the batch that fits is found when the training starts")
    steps = train.steps_per_generation or train.gradient_accumulation_steps
    return train.per_device_train_batch_size * steps


def processes_for_groups(train: Train) -> int:
    """Smallest number of processes that fills whole groups of completions; 1 where any does."""
    if train.generation_batch_size is not None or train.num_generations < 1:
        return 1
    one = generation_batch_of_one(train)
    return train.num_generations // gcd(train.num_generations, one) if one > 0 else 1


def generation_batch_splits(train: Train, recipe: Recipe) -> bool:
    """Whether a stated generation batch can be split into the batches of the processes.

    With an unknown number of processes only one of them is asked for.
    """
    if train.generation_batch_size is None:
        return True
    processes = recipe["run.num_processes"].value
    count = processes if isinstance(processes, int) and processes > 0 else 1
    batch = train.per_device_train_batch_size * count
    return batch < 1 or train.generation_batch_size % batch == 0


def evaluation_groups_fit(train: Train, run: Run, recipe: Recipe) -> bool:
    """Whether an evaluation batch over all processes holds whole groups of completions."""
    own = _stated(recipe, "num_generations_eval")
    group = own if isinstance(own, int) and own > 0 else train.num_generations
    batch = train.per_device_eval_batch_size * run.num_processes
    return group < 1 or batch % group == 0


def prompts_per_step(train: Train, run: Run) -> float:
    """Different prompts that one optimizer step learns from, over all processes."""
    if train.num_generations < 1:
        raise UnknownValueError("there are no groups")
    own = train.per_device_train_batch_size * train.gradient_accumulation_steps
    return own * run.num_processes / train.num_generations


def losses(train: Train) -> list[str]:
    """Names of the losses, one where only one is given."""
    named = train.loss_type
    if named is None:
        raise UnknownValueError("loss_type is not set")
    return named if isinstance(named, list) else [named]


def unknown_losses(train: Train) -> list[str]:
    """Losses that TRL's trainer of this method does not have."""
    known = _LOSSES.get(train.method)
    if known is None:
        return []
    return [name for name in losses(train) if name not in known]


def known_losses(train: Train) -> list[str]:
    """Return the losses that TRL's trainer of this method has, sorted."""
    return sorted(_LOSSES.get(train.method, ()))


def loss_weights(recipe: Recipe) -> int | None:
    """Count the weights that are given for several losses, None where none are."""
    weights = _stated(recipe, "loss_weights")
    return len(weights) if isinstance(weights, list) else None


def weights_match(train: Train, recipe: Recipe) -> bool:
    """Whether there are as many weights as losses, or none. Source: ``DPOConfig``."""
    return loss_weights(recipe) in (None, len(losses(train)))


def exo_without_smoothing(train: Train, recipe: Recipe) -> bool:
    """Whether the EXO loss is to run without label smoothing, DPO's own argument.

    Source: ``DPOTrainer.__init__``; the default is 0.
    """
    smoothing = _stated(recipe, "label_smoothing")
    return _SMOOTHED in losses(train) and (not isinstance(smoothing, float) or smoothing <= 0)


def keeps_dropout(recipe: Recipe) -> bool:
    """Whether ``disable_dropout`` is turned off by hand."""
    return _stated(recipe, "disable_dropout") is False


def disables_dropout(recipe: Recipe) -> bool:
    """Whether ``disable_dropout`` is turned on by hand."""
    return _stated(recipe, "disable_dropout") is True


def reference_is_base(train: Train, model: Model) -> bool:
    """Whether a reference model is loaded that is the base without its adapter."""
    return train.ref_model is not None and train.ref_model == model.name_or_path


def head_left_out(lora: Lora) -> bool:
    """Whether the head of a reward model, ``score``, is left out of what is trained in full."""
    return not any(name.endswith("score") for name in lora.modules_to_save or ())


def _stated(recipe: Recipe, name: str) -> object:
    """Return what is written under an argument of any trainer, None where nothing is.

    Raises UnknownValueError where the value is filled in later.
    """
    framework = by_name(recipe.framework)
    found = [key for key in recipe.keys if key.name == name and _is_argument(key)]
    if not found or framework is None:
        return None
    node = found[-1].node
    if isinstance(node, Scalar) and is_placeholder(node.text):
        raise UnknownValueError(f"{found[-1].path}: its value is filled in later")
    value: object = plain_value(node, framework.scalars)
    if value is UNKNOWN:
        raise UnknownValueError(f"{found[-1].path} is not known")
    return value


def _is_argument(key: WrittenKey) -> bool:
    """Whether a key stands at the top level, or in a call of a trainer's config."""
    section = key.path.rpartition(".")[0]
    return not section or section.endswith("Config") or section == "trl"


def completions_per_pass(train: Train, run: Run) -> int:
    """Completions of one pass over all processes: what TRL before 0.17 divides into groups."""
    return train.per_device_train_batch_size * run.num_processes
