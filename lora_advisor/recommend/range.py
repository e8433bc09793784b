"""How far a case is from what the laws were seen on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.laws.rates import SUPERVISED, family_of

if TYPE_CHECKING:
    from lora_advisor.recommend.plan import Plan

SMALLEST: Final = 1e9
LARGEST: Final = 1.1e12
_VARIANTS: Final = ("lora.use_dora", "lora.init_lora_weights")
_USUAL: Final = (None, True, False, "gaussian")


def distance(plan: Plan) -> tuple[str, ...]:
    """Say in sentences what of the case the learning rate's law has not seen."""
    situation = plan.situation
    size = situation.base.parameters
    found = []
    if size is None:
        found.append("the model's size is not known: name it with --model")
    elif size < SMALLEST:
        found.append(f"{size / 1e6:.0f}M parameters: the law was seen from 1B on; calibrate")
    elif size > LARGEST:
        found.append(f"{size / 1e9:.0f}B parameters: the law was seen up to 1000B")
    if size is not None and family_of(situation.base.model_type, situation.base.config) is None:
        kind = situation.base.model_type or "its family"
        found.append(f"{kind}: not in the sweep; there the law does little better than 3e-4")
    if situation.method not in SUPERVISED:
        found.append(f"{situation.method}: no public sweep; the rate is documentation's")
    found += [f"{name} changes the best rate: calibrate" for name in _unusual(plan)]
    if plan.values.get("quant.load_in_4bit") is True:
        found.append("QLoRA: the sweep's base was in 16 bits; QLoRA's paper found no difference")
    if any("towers" in note for note in situation.base.notes):
        found.append("multimodal: the sweep's data was text")
    return tuple(found)


def _unusual(plan: Plan) -> list[str]:
    """Return the config's keys of variants and initialisations the law does not know."""
    found = []
    for name in _VARIANTS:
        value = plan.situation.current(name)
        if value is not None and value.value not in _USUAL:
            found.append(f"{value.key}: {value.value}")
        elif value is not None and name == "lora.use_dora" and value.value is True:
            found.append(f"{value.key}: true")
    return found
