"""Facts of the run as formats with loops of their own count and schedule it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.facts._written import item_at, value_at
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe, Run, Train


def rate_of_schedule(recipe: Recipe) -> float | None:
    """Return the rate that mlx-lm's ``lr_schedule`` starts from, None without one."""
    arguments = value_at(recipe, "lr_schedule.arguments")
    first = arguments[0] if isinstance(arguments, list) and arguments else None
    return float(first) if isinstance(first, (int, float)) else None


def overruled_rates(recipe: Recipe) -> tuple[Item, ...]:
    """A ``learning_rate`` of mlx-lm beside an ``lr_schedule`` that starts from another one."""
    written, scheduled = value_at(recipe, "learning_rate"), rate_of_schedule(recipe)
    if scheduled is None or not isinstance(written, (int, float)) or written == scheduled:
        return ()
    found = item_at(recipe, "learning_rate", written, f"{scheduled:g}")
    return (found,) if found is not None else ()


def idle_optimizer_settings(recipe: Recipe) -> tuple[Item, ...]:
    """Settings of mlx-lm's ``optimizer_config`` for an optimizer that is not chosen.

    The hint is the optimizer in use.
    """
    settings, used = value_at(recipe, "optimizer_config"), value_at(recipe, "optimizer") or "adam"
    if not isinstance(settings, dict):
        return ()
    idle = (name for name, value in settings.items() if name != str(used).lower() and value)
    found = (item_at(recipe, f"optimizer_config.{name}", name, str(used)) for name in idle)
    return tuple(item for item in found if item is not None)


def shifted_attention(recipe: Recipe) -> tuple[Item, ...]:
    """Return the switch of LLaMA-Factory for the shifted attention of LongLoRA, where it is on."""
    if recipe.framework != "llamafactory" or value_at(recipe, "shift_attn") not in (True, "true"):
        return ()
    found = item_at(recipe, "shift_attn", True)
    return (found,) if found is not None else ()


def batches_to_train(recipe: Recipe) -> int:
    """Return mlx-lm's ``iters``: batches, of which every step takes as many as it accumulates."""
    iters = value_at(recipe, "iters")
    return iters if isinstance(iters, int) else 1000


def passes_over_images(train: Train, recipe: Recipe) -> float:
    """How often kohya's scripts show every image, where the number of images is stated.

    Source: ``train_network.py``: ``max_train_steps`` counts optimizer steps.
    """
    images = value_at(recipe, "num_train_images")
    repeats = value_at(recipe, "dataset_repeats") or 1
    if not isinstance(images, int) or not isinstance(repeats, int) or images * repeats < 1:
        raise UnknownValueError("the number of images is not stated")
    seen = train.max_steps * train.per_device_train_batch_size * train.gradient_accumulation_steps
    return seen / (images * repeats)


def global_batch_too_small(train: Train, run: Run) -> bool:
    """Whether LitGPT's global batch is smaller than one micro-batch on every device."""
    total = train.total_batch_size or 0
    devices = run.num_processes * run.num_machines
    return total // devices < train.per_device_train_batch_size if devices > 0 else False


def offloads_activations(recipe: Recipe) -> bool:
    """Whether torchtune is to keep activations in the memory of the CPU."""
    return value_at(recipe, "enable_activation_offloading") is True


def stops_early(recipe: Recipe) -> bool:
    """Whether axolotl is to stop when evaluations no longer get better."""
    return bool(value_at(recipe, "early_stopping_patience"))


def early_stopping_refused(recipe: Recipe) -> bool:
    """Whether axolotl refuses to stop early at the steps that are written.

    Source: ``axolotl.utils.schemas.validation``, ``check_early_stopping``.
    """
    saves, evaluations = (value_at(recipe, name) for name in ("save_steps", "eval_steps"))
    if not isinstance(saves, (int, float)) or not isinstance(evaluations, (int, float)):
        return False  # a count for each epoch may stand elsewhere
    return evaluations > 0 and saves % evaluations != 0
