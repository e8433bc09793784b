"""Facts of what becomes of a script's model between its calls.

Source: ``peft.peft_model`` and ``peft.mapping_func`` of release 0.21, run on tiny models.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._script import (
    assigned_to,
    call_item,
    called,
    in_branch,
    is_adapted,
    is_same,
    loads_adapter,
    owner_of,
    script_calls,
    text_of,
    written_as,
)
from lora_advisor.frameworks.python_flow import argument
from lora_advisor.pattern import pattern
from lora_advisor.source.python_made import made_by
from lora_advisor.source.scalars import DROPPED, FROZEN, is_unknown, python_value
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe
    from lora_advisor.source.tree import Entry, Node

_NAME: Final = "pretrained_model_name_or_path"
_SAVES: Final = ("save_pretrained", "push_to_hub")
_COPIES: Final = pattern(r"deepcopy|create_reference_model|copy\.copy")
_THAWS: Final = pattern(r"requires_grad_?\s*(?:=|\()\s*True|requires_grad_\(\s*\)|is_trainable")
_FILLS: Final = pattern(
    r"load_adapter|set_peft_model_state_dict|load_state_dict|load_peft_weights"
    r"|inference_mode|PeftModel\w*\.from_pretrained"
)
_OPTIMISERS: Final = pattern(r"(?:optim\.|bnb\.|\b)(?:AdamW?|SGD|Adafactor|Lion|PagedAdamW)\w*\(")


def dropped_merges(recipe: Recipe) -> tuple[Item, ...]:
    """Merges whose result nothing takes, before the same model is saved; the hint is its name."""
    return tuple(
        call_item(recipe, merge, hint=owner_of(recipe, merge))
        for merge in called(recipe, "merge_and_unload")
        if argument(merge, DROPPED) is not None and _saved_later(recipe, merge)
    )


def _saved_later(recipe: Recipe, merge: Entry) -> bool:
    """Whether what a merge was called on is saved after it, under the name it has there."""
    name, made = owner_of(recipe, merge), argument(merge, "on")
    return any(
        owner_of(recipe, save) == name
        and (is_same(argument(save, "on"), made) or _keeps_name(recipe, name, merge, save))
        for save in called(recipe, *_SAVES)
        if save.key.span.start > merge.key.span.start
    )


def _keeps_name(recipe: Recipe, name: str, first: Entry, last: Entry) -> bool:
    """Whether nothing between two calls gives a name of unknown origin another value."""
    between = recipe.document.text[first.value.span.end : last.key.span.start]
    changes = re.search(rf"(?<![\w.]){re.escape(name)}\s*=[^=]|\bdef\s", between)
    return argument(first, "on") is None and argument(last, "on") is None and changes is None


def adapted_again(recipe: Recipe) -> tuple[Item, ...]:
    """``get_peft_model`` of a model with a LoRA adapter; the hint says ``loaded`` or ``made``.

    ``filled`` are trained adapters that are loaded into a model which has a fresh one already.
    """
    configs = called(recipe, "LoraConfig")
    found = []
    for call in called(recipe, "get_peft_model"):
        model, config = made_by(argument(call, "model")), argument(call, "peft_config")
        own = any(is_same(config, other.value) for other in configs)
        named = "adapter_name" in _names(call) or (model is not None and "adapter_name" in model)
        if model is not None and is_adapted(model) and own and not named:
            found.append(call_item(recipe, call, "loaded" if loads_adapter(model) else "made"))
    kept = [item for item in found if item.hint == "loaded" or _trains(recipe)]
    return (*kept, *_filled(recipe))


def _filled(recipe: Recipe) -> tuple[Item, ...]:
    """``from_pretrained`` of an adapter, given a model that ``get_peft_model`` has wrapped."""
    found = []
    for call in called(recipe, "from_pretrained"):
        loads = isinstance(call.value, Mapping) and loads_adapter(call.value)
        model = made_by(argument(call, _NAME)) if loads else None
        fresh = model is not None and "peft_config" in model and "adapter_name" not in model
        if fresh and "adapter_name" not in _names(call):
            found.append(call_item(recipe, call, hint="filled"))
    return tuple(found)


def _trains(recipe: Recipe) -> bool:
    trainer = any(call.key.text.endswith("Trainer") for call in script_calls(recipe))
    return trainer or ".backward(" in recipe.document.text


def _names(call: Entry) -> list[str]:
    return call.value.keys() if isinstance(call.value, Mapping) else []


def frozen_adapters(recipe: Recipe) -> tuple[Item, ...]:
    """Where an adapted model is frozen as a whole, and nothing thaws it; the hint is its name."""
    text = recipe.document.text
    if _COPIES.search(text) or _THAWS.search(text):
        return ()
    freezes = called(recipe, FROZEN) + [
        call for call in called(recipe, "requires_grad_") if _is_off(call)
    ]
    return tuple(
        call_item(recipe, call, hint=owner_of(recipe, call), value=_shown(recipe, call))
        for call in freezes
        if _is_adapted_before(recipe, call) and not in_branch(recipe, call.key.span.start)
    )


def _is_off(call: Entry) -> bool:
    given = argument(call, "[0]") or argument(call, "requires_grad")
    known = isinstance(given, Scalar) and not is_unknown(given)
    return known and isinstance(given, Scalar) and python_value(given) is False


def _shown(recipe: Recipe, call: Entry) -> str:
    """Return the freezing as it stands, without what a loop does in each round."""
    whole = recipe.document.text[call.value.span.start : call.value.span.end]
    return whole.partition("\n")[0].rstrip(": ")


def _is_adapted_before(recipe: Recipe, freeze: Entry) -> bool:
    """Whether what is frozen is an adapted model, or a base that an adapter was put in."""
    on = argument(freeze, "on")
    if made := made_by(on):
        if "peft_config" in made:
            return True
        earlier = takewhile(lambda call: call is not freeze, script_calls(recipe))
        wraps = [call for call in earlier if call.key.text == "get_peft_model"]
        return any(is_same(argument(call, "model"), on) for call in wraps)
    return False


def anew_adapters(recipe: Recipe) -> tuple[Item, ...]:
    """``get_peft_model`` with the config of a saved adapter, whose weights nothing loads.

    Another run's config that a training begins with is a way to take its numbers over.
    """
    if _FILLS.search(recipe.document.text):
        return ()
    found = []
    for call in called(recipe, "get_peft_model"):
        config = argument(call, "peft_config")
        of = text_of(config.get("of")) if isinstance(config, Mapping) else ""
        path = text_of(config.get(_NAME)) if isinstance(config, Mapping) else ""
        if path and of in ("LoraConfig", "PeftConfig") and _is_of_weights(recipe, call, path):
            found.append(call_item(recipe, call, hint=of, value=path))
    return tuple(found)


def _is_of_weights(recipe: Recipe, wrap: Entry, path: str) -> bool:
    """Whether a config's folder was saved by the script, or the script trains no more."""
    saves = called(recipe, *_SAVES)
    own = any(text_of(argument(save, "[0]")) == path for save in saves)
    start = wrap.key.span.start
    steps = ".backward(" in recipe.document.text[start:]
    trains = (
        call.key.text.endswith("Trainer")
        for call in script_calls(recipe)
        if call.key.span.start > start
    )
    return own or not (steps or any(trains))


def early_optimisers(recipe: Recipe) -> tuple[Item, ...]:
    """Optimizers that are made of a base's weights before the adapter is put into it."""
    found = []
    for index, optimiser in enumerate(script_calls(recipe)):
        on = argument(optimiser, "on") if optimiser.key.text == "AdamW" else None
        later = script_calls(recipe)[index + 1 :]
        wraps = [call for call in later if call.key.text == "get_peft_model"]
        wrap = next((call for call in wraps if is_same(argument(call, "model"), on)), None)
        if on is not None and wrap is not None and _runs_on(recipe, optimiser, wrap):
            found.append(call_item(recipe, optimiser, hint=written_as(recipe, _model(optimiser))))
    return tuple(found)


def _model(optimiser: Entry) -> Node:
    given = argument(optimiser, "params")
    return optimiser.value if given is None else given


def _runs_on(recipe: Recipe, first: Entry, last: Entry) -> bool:
    """Whether one call follows another in one function, and no other optimizer comes later."""
    text = recipe.document.text
    between = text[first.key.span.start : last.key.span.start]
    return "def " not in between and _OPTIMISERS.search(text, last.key.span.end) is None


def parallel_bases(recipe: Recipe) -> tuple[Item, ...]:
    """``get_peft_model`` of a model that several GPUs were made to share; the hint is by what."""
    wrappers = called(recipe, "DataParallel", "DistributedDataParallel")
    return tuple(
        call_item(recipe, call, hint=wrapper.key.text)
        for call in called(recipe, "get_peft_model")
        for wrapper in wrappers
        if is_same(argument(call, "model"), wrapper.value)
    )


def bare_trainers(recipe: Recipe) -> tuple[Item, ...]:
    """Trainers that get the base around which an adapted model was made, which nobody saves.

    The hint is the adapted model's name, the value the base as the trainer gets it.
    """
    found = []
    for wrap in called(recipe, "get_peft_model"):
        saved = any(is_same(argument(save, "on"), wrap.value) for save in called(recipe, *_SAVES))
        name = assigned_to(recipe, wrap)
        for trainer in script_calls(recipe) if name and not saved else ():
            model = argument(trainer, "model") if trainer.key.text.endswith("Trainer") else None
            later = trainer.key.span.start > wrap.key.span.start
            if later and model is not None and is_same(model, argument(wrap, "model")):
                said = written_as(recipe, model)
                found += [call_item(recipe, trainer, hint=name, value=said)] if said != name else []
    return tuple(found)


def watchless_stops(recipe: Recipe) -> tuple[Item, ...]:
    """Callbacks that stop a training early."""
    return tuple(call_item(recipe, call) for call in called(recipe, "EarlyStoppingCallback"))


def ungrown_bases(recipe: Recipe) -> tuple[Item, ...]:
    """Adapters that are loaded into a base with fewer embeddings than they were trained with.

    The hint is the base as the call names it, the value the call that grew the other one.
    """
    grows = [
        call
        for call in called(recipe, "resize_token_embeddings")
        if not in_branch(recipe, call.key.span.start)
    ]
    bases = [base for call in grows if (base := made_by(argument(call, "on"))) is not None]
    loads = [call for call in called(recipe, "from_pretrained") if _into_base(call)]
    return tuple(
        call_item(recipe, load, hint=written_as(recipe, given), value=owner_of(recipe, load))
        for load in loads
        if (given := argument(load, _NAME)) is not None
        and (base := made_by(given)) is not None
        and not any(is_same(base, other) for other in bases)
        and any(_is_trained_twin(recipe, other, base, load) for other in bases)
    )


def _into_base(call: Entry) -> bool:
    return text_of(argument(call, "of")).startswith("PeftModel")


def _is_trained_twin(recipe: Recipe, grown: Mapping, base: Mapping, load: Entry) -> bool:
    """Whether a grown base of the same name got an adapter before the load."""
    name = text_of(grown.get(_NAME))
    if not name or name != text_of(base.get(_NAME)) or "_name" in name:
        return False
    earlier = list(takewhile(lambda call: call is not load, script_calls(recipe)))
    wraps = [call for call in earlier if call.key.text == "get_peft_model"]
    trainers = [call for call in earlier if call.key.text.endswith("Trainer")]
    wrapped = [argument(call, "model") for call in wraps]
    given = [argument(call, "model") for call in trainers if argument(call, "peft_config")]
    return bool(trainers) and any(is_same(model, grown) for model in [*wrapped, *given])
