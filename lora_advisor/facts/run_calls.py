"""Facts of a script's calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._script import call_item, called, loads_adapter
from lora_advisor.frameworks.python_flow import argument
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item
from lora_advisor.source.python_made import made_by

if TYPE_CHECKING:
    from lora_advisor.recipe import Quant, Recipe, Run, Train, WrittenKey

_PREPARES: Final = "prepare_model_for_kbit_training"
_THAWS: Final = pattern(r"requires_grad_?\s*(?:=|\()\s*True|requires_grad_\(\s*\)")
_FUNCTION: Final = pattern(r"^\s*(?:async\s+)?def\s", re.MULTILINE)


def merges_quantised(run: Run, quant: Quant) -> bool:
    """Whether a script merges an adapter into the base it loads, and that is quantised."""
    return run.merges_packed and (quant.load_in_4bit or quant.load_in_8bit)


def prepared_after_adapter(recipe: Recipe, run: Run) -> tuple[Item, ...]:
    """``prepare_model_for_kbit_training`` once the adapter is in; the hint is what put it in."""
    return _prepared_adapted(recipe) or _prepared_later(recipe, run)


def _prepared_adapted(recipe: Recipe) -> tuple[Item, ...]:
    """Preparations that are given an adapter loaded for training, which nothing thaws later."""
    found = [
        call_item(recipe, call, hint="PeftModel.from_pretrained")
        for call in called(recipe, _PREPARES)
        if (model := made_by(argument(call, "model"))) is not None
        and loads_adapter(model)
        and "is_trainable" in model
    ]
    return () if _THAWS.search(recipe.document.text) else tuple(found)


def _prepared_later(recipe: Recipe, run: Run) -> tuple[Item, ...]:
    made = [i for i, call in enumerate(run.calls) if call == "get_peft_model"]
    prepared = [i for i, call in enumerate(run.calls) if call == _PREPARES]
    if len(made) != 1 or len(prepared) != 1 or made[0] > prepared[0]:
        return ()
    found = {key.path: key for key in recipe.keys if key.path in ("get_peft_model", _PREPARES)}
    adapter, key = found.get("get_peft_model"), found.get(_PREPARES)
    if key is None or (adapter is not None and _in_later_function(recipe, adapter, key)):
        return ()
    return (Item(path=key.path, at=key.key_at, hint="get_peft_model"),)


def _in_later_function(recipe: Recipe, first: WrittenKey, second: WrittenKey) -> bool:
    """Whether a call stands in a function that begins after another: nobody knows their order."""
    text = recipe.document.text
    start, end = first.key_at.span.start, second.key_at.span.start
    inside = text[text.rfind("\n", 0, end) + 1 : end].startswith((" ", "\t"))
    return inside and _FUNCTION.search(text, start, end) is not None


def trains_loaded_adapter(run: Run, train: Train, recipe: Recipe) -> bool:
    """Whether a script loads an adapter and trains a model, and makes no other one."""
    makes = {"LoraConfig", "get_peft_model", "add_adapter", "set_adapter", "merge_and_unload"}
    loops = ".step()" in recipe.document.text and any(c.endswith("backward") for c in run.calls)
    trains = loops or any(call.endswith("Trainer") for call in run.calls)
    thaws = "requires_grad" in recipe.document.text
    given = recipe["run.trainer_arguments"].value
    return (
        train.enabled
        and trains
        and not thaws
        and not (isinstance(given, list) and "peft_config" in given)  # the trainer makes one
        and not makes & {call.rpartition(".")[2] for call in run.calls}
    )
