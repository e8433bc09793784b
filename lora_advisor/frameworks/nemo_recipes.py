"""NeMo 2: a program that takes a ready recipe and runs it (``llm.llama3_8b.finetune_recipe``).

What the recipe itself sets is in NeMo's code and changes with the model, so only what the program
says of its adapter is known. Read in NeMo of September 2025: ``collections.llm.recipes`` and
``collections.llm.peft.lora``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import nemo
from lora_advisor.frameworks.draft import Draft
from lora_advisor.frameworks.interface import Key
from lora_advisor.recipe import UNKNOWN
from lora_advisor.record import replace
from lora_advisor.source.scalars import python_value
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Document

_SCHEMES: Final = {"lora": True, "dora": True, "none": False}
_KEYS: Final[dict[str, str | Key]] = {
    "LoRA.dim": "lora.r",
    "LoRA.alpha": "lora.lora_alpha",
    "LoRA.dropout": "lora.lora_dropout",
    "finetune_recipe.peft_scheme": Key(
        field="lora.enabled", read=lambda v: False if v is None else _SCHEMES.get(str(v), UNKNOWN)
    ),
}


def read(document: Document) -> Recipe | None:
    """Read a program's recipe; None where it takes none of NeMo's for fine-tuning."""
    root = document.root
    calls = [e.key.text for e in root.entries] if isinstance(root, Mapping) else []
    if root is None or "nemo" not in document.text:
        return None
    if "finetune_recipe" not in calls and not ("LoRA" in calls and "llm.peft" in document.text):
        return None
    return Draft(_framework(calls), document, root, f"calls {calls[0]}").recipe()


def _framework(calls: list[str]) -> Framework:
    enabled = {"lora.enabled": True} if "LoRA" in calls else {}
    return replace(
        nemo.FRAMEWORKS[0],
        keys=_KEYS,
        scalars=python_value,
        defaults={"train.enabled": True, **enabled},
        knows=frozenset(),
        finish=None,
    )
