"""The task at hand: what is known of the model, the data, the machine and the user's config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.recipe import UNKNOWN
from lora_advisor.record import record

if TYPE_CHECKING:
    from lora_advisor.gpus import Gpu
    from lora_advisor.recipe import Recipe, Value
    from lora_advisor.recommend.base import Base

METHODS: Final = ("sft", "dpo", "orpo", "kto", "grpo", "reward", "classification", "seq2seq")
PREFERENCE: Final = ("dpo", "orpo", "kto", "reward", "simpo", "ipo", "cpo")
REINFORCEMENT: Final = ("grpo", "rloo")


@record
class Situation:
    """What advice is asked for; None is unknown.

    ``tokens`` counts those that the loss sees, once over the data; ``length`` is what nearly every
    example fits into, ``mean_length`` the mean, both in tokens; ``recipe`` is the user's config.
    """

    base: Base
    method: str
    tokens: float | None = None
    examples: int | None = None
    length: float | None = None
    mean_length: float | None = None
    gpu: Gpu | None = None
    devices: int = 1
    dataset: str = ""
    recipe: Recipe | None = None

    def current(self, name: str) -> Value | None:
        """Return what the user's config has for a field, None where it says nothing known."""
        if self.recipe is None:
            return None
        value = self.recipe[name]
        return value if value.value is not UNKNOWN and value.fits else None
