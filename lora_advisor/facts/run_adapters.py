"""Facts of adapters that a script describes or names, and puts where nothing takes them.

Source: ``peft.peft_model.PeftModel`` of release 0.21, run on tiny models.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._script import (
    assigned_to,
    call_item,
    called,
    is_adapted,
    script_calls,
    text_of,
    written_as,
)
from lora_advisor.frameworks.python_flow import argument, owner
from lora_advisor.pattern import pattern
from lora_advisor.source.python_made import made_by
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe
    from lora_advisor.source.tree import Entry

_PUTS_IN: Final = pattern(
    r"get_peft_\w+\(|peft_config\s*=|add_adapter|inject_adapter|load_adapter|Peft\w*Model\w*[.(]"
    r"|LoraModel\(|\bFast\w*Model\b|\bglobals\(|\blocals\("
)
"""What may put an adapter into a model; in a comment it tells that none is wanted now."""
_TRAINER: Final = pattern(r"(?:Seq2Seq|SFT|DPO|KTO|ORPO|CPO|Reward|GRPO)?Trainer")
_BASE: Final = pattern(r"\w*(?:For[A-Z]\w+|LMHeadModel)")


def idle_adapters(recipe: Recipe) -> tuple[Item, ...]:
    """Adapters that are described and never mentioned again, beside a trainer of the plain base.

    The hint is the name that nothing mentions, the value the model as the trainer gets it.
    """
    code = recipe.document.text
    bare = [call for call in script_calls(recipe) if _trains_base(call)]
    if not bare or _PUTS_IN.search(code):
        return ()
    model = argument(bare[0], "model")
    shown = written_as(recipe, model) if model is not None else ""
    return tuple(
        call_item(recipe, call, hint=name, value=shown)
        for call in called(recipe, "LoraConfig")
        if (name := assigned_to(recipe, call)) and _mentions(code, name) == 1
    )


def _trains_base(call: Entry) -> bool:
    """Whether a call is a trainer of a library that gets a base as it was loaded."""
    if not isinstance(call.value, Mapping) or "**" in call.value:
        return False
    model = made_by(call.value.get("model"))
    loaded = model is not None and _BASE.fullmatch(text_of(model.get("of"))) is not None
    return loaded and _TRAINER.fullmatch(call.key.text) is not None


def _mentions(code: str, name: str) -> int:
    return len(re.findall(rf"(?<![\w.]){re.escape(name)}\b", code))


def pathed_adapters(recipe: Recipe) -> tuple[Item, ...]:
    """``add_adapter`` of an adapted model that is given nothing but a text.

    The hint is the model, the value the argument as it stands.
    """
    adapted = {
        name
        for call in called(recipe, "get_peft_model", "from_pretrained")
        if is_adapted(call.value) and (name := assigned_to(recipe, call))
    }
    return tuple(
        call_item(recipe, call, hint=owner(call), value=given)
        for call in called(recipe, "add_adapter")
        if owner(call) in adapted and (given := _only_text(recipe, call))
    )


def _only_text(recipe: Recipe, call: Entry) -> str:
    """Return the one argument of a call where it is a text, as it stands."""
    names = call.value.keys() if isinstance(call.value, Mapping) else []
    node = argument(call, "adapter_config")
    alone = set(names) <= {"of", "on", "adapter_config"}
    return written_as(recipe, node) if node is not None and alone and text_of(node) else ""


def adapted_given(recipe: Recipe) -> tuple[Item, ...]:
    """TRL's supervised trainers that get a model with its adapter in, and no config for one."""
    return tuple(
        call_item(recipe, call, hint=written_as(recipe, model))
        for call in called(recipe, "SFTTrainer")
        if isinstance(call.value, Mapping) and not {"**", "peft_config"} & set(call.value.keys())
        if (model := call.value.get("model")) is not None and is_adapted(model)
    )
