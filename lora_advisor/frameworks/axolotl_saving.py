"""When axolotl saves, evaluates, warms up and recomputes: its own defaults and per-epoch counts.

Source: ``normalize_config`` and ``TrainerBuilderBase`` of axolotl 0.19 and 0.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.recipe import UNKNOWN, Origin

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.recipe import Value

_NUMBERS = (int, float)


def settle(draft: Draft) -> None:
    """Settle saving, evaluation, warm-up, checkpointing and the loader's workers."""
    _settle_saving(draft)
    _settle_evaluation(draft)
    _settle_best_model(draft)
    _settle_warmup(draft)
    _settle_checkpointing(draft)
    _settle_workers(draft)


def _settle_saving(draft: Draft) -> None:
    """Save at ``save_steps``, or at the share of the run that ``saves_per_epoch`` amounts to."""
    counted, share = _share(draft, "saves_per_epoch")
    if share is not None:
        draft.put("train.save_steps", share, counted)
    steps = _stated(draft, "train.save_steps")
    if steps is not None:
        draft.put("train.save_strategy", UNKNOWN if _unknown(steps) else "steps", steps)


def _settle_evaluation(draft: Draft) -> None:
    """Evaluate only where something is held out (``val_set_size``, ``test_datasets``)."""
    held_out = draft.get("data.eval_dataset") or draft.get("data.eval_split")
    strategy = draft.values.get("train.eval_strategy")
    if not held_out:
        draft.put("train.eval_strategy", "no", strategy)
        return
    counted, share = _share(draft, "evals_per_epoch")
    if share is not None:
        draft.put("train.eval_steps", share, counted)
    steps = _stated(draft, "train.eval_steps")
    if held_out is UNKNOWN and (steps is not None or strategy is not None):
        draft.unknown("train.eval_strategy", "whether anything is held out is filled in later")
    elif steps is not None and (strategy is None or strategy.value != "no"):
        draft.put("train.eval_strategy", UNKNOWN if _unknown(steps) else "steps", steps)


def _share(draft: Draft, path: str) -> tuple[Value | None, object]:
    """Return a per-epoch count's share of the whole run; None where axolotl drops it.

    A share of one or more is dropped, so once per epoch in a run of one epoch counts for nothing.
    """
    counted = draft.written(path)
    if counted is None or not counted.value:
        return None, None
    epochs = draft.get("train.num_train_epochs")
    if not isinstance(counted.value, _NUMBERS) or not isinstance(epochs, _NUMBERS) or not epochs:
        return counted, UNKNOWN
    share = 1.0 / (counted.value * epochs)
    return (counted, share) if share < 1.0 else (None, None)


def _settle_best_model(draft: Draft) -> None:
    """Keep the best model only where the steps allow it: axolotl drops the wish otherwise."""
    wish = draft.values.get("train.load_best_model_at_end")
    stopping = draft.written("early_stopping_patience")
    source = stopping if stopping is not None and stopping.value else None
    if wish is not None and wish.value is not False:
        source = wish
    if source is not None:
        draft.put("train.load_best_model_at_end", _keeps_best(draft), source)


def _keeps_best(draft: Draft) -> object:
    if draft.get("train.method") not in ("sft", "pretrain", "reward"):
        return False
    saves, evals = _steps(draft, "save"), _steps(draft, "eval")
    split, listed = draft.get("data.eval_split"), draft.get("data.eval_dataset")
    if UNKNOWN in (saves, evals, split, listed):
        return UNKNOWN
    if not isinstance(saves, _NUMBERS) or not isinstance(evals, _NUMBERS):
        return False
    return bool(listed) != bool(split) and bool(saves) and bool(evals) and saves % evals == 0


def _steps(draft: Draft, kind: str) -> object:
    value = _stated(draft, f"train.{kind}_steps")
    return None if value is None else value.value


def _stated(draft: Draft, field: str) -> Value | None:
    """Return what the file says of a field, None where it leaves it out, empty or zero."""
    value = draft.values.get(field)
    if value is None or not value.value or value.origin in (Origin.LIBRARY, Origin.FRAMEWORK):
        return None
    return value


def _settle_warmup(draft: Draft) -> None:
    """Warm up over 3 % of the steps, at most 100, where the file says nothing of it."""
    stated = (draft.values.get(f"train.warmup_{name}") for name in ("steps", "ratio"))
    if not any(value is not None and value.value is not None for value in stated):
        draft.unknown("train.warmup_steps", "axolotl takes 3 % of the steps, at most 100")


def _settle_checkpointing(draft: Draft) -> None:
    """Recompute without re-entrance for RL; for other training releases choose differently.

    Offloading the activations may take the place of recomputing them.
    """
    offloading = draft.written("activation_offloading")
    if offloading is not None and offloading.value:
        draft.put("train.gradient_checkpointing", UNKNOWN, offloading)
    wanted = draft.get("train.gradient_checkpointing")
    kwargs = draft.values.get("train.gradient_checkpointing_kwargs")
    if wanted is False or (kwargs is not None and kwargs.value):
        return
    if draft.get("train.method") in ("sft", "pretrain", "reward", UNKNOWN):
        draft.unknown("train.gradient_checkpointing_kwargs", "axolotl's release decides")
    else:
        draft.put("train.gradient_checkpointing_kwargs", {"use_reentrant": False}, None)


def _settle_workers(draft: Draft) -> None:
    """Load with a worker per GPU and a long queue unless the file says something of either."""
    paths = ("dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor")
    written = (draft.written(path) for path in paths)
    if all(value is None or value.value is None for value in written):
        draft.unknown("train.dataloader_num_workers", "one per GPU")
        draft.put("train.dataloader_prefetch_factor", 256, None)


def _unknown(value: Value) -> bool:
    return value.value is UNKNOWN
