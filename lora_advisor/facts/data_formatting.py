"""Facts of the function with which a script writes a row as text for TRL.

Source: ``trl.SFTTrainer`` of the wheels 0.12 to 0.24, and of 1.16 as it runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lora_advisor.facts._script import call_item, called, written_as
from lora_advisor.frameworks.python_flow import argument

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe


def listed_texts(recipe: Recipe) -> tuple[Item, ...]:
    """Trainers whose formatting function gathers the texts of many rows in a list.

    The hint is the function's name.
    """
    return tuple(
        call_item(recipe, call, hint=name)
        for call in called(recipe, "SFTTrainer")
        if (given := argument(call, "formatting_func")) is not None
        and (name := written_as(recipe, given)).isidentifier()
        and _gathers(recipe.document.text, name)
    )


def _gathers(text: str, name: str) -> bool:
    """Whether a function fills a list over the rows of a batch and returns it, and nothing else."""
    found = re.findall(
        rf"^def {name}\(\s*\w+[^)\n]*\)[^\n]*:\n((?:[ \t]+.*\n|\s*\n)+)", text, re.MULTILINE
    )
    returned = re.findall(r"\breturn\b[ \t]*(.*)", found[0]) if len(found) == 1 else []
    if len(returned) != 1 or not returned[0].strip().isidentifier():
        return False
    kept = re.escape(returned[0].strip())
    rows = re.search(r"^[ \t]+for .*\b(?:range\(len|zip|enumerate)\(", found[0], re.MULTILINE)
    filled = (
        re.search(rf"\b{kept}[ \t]*=[ \t]*\[\]", found[0])
        and f"{returned[0].strip()}.append(" in found[0]
    )
    return bool(rows and filled)
