"""Formats that are recognised but not read yet: only their name is known.

Each sign is one that no other format has, so that none of these files is taken for a home-made
config. No rule fires on them, and ``check`` says which format it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.source.tree import Document, Node


def _onetrainer(root: Node) -> str:
    return signs.all_of(root, "training_method", "lora_rank")


def _later(
    name: str, title: str, rank: int, sign: Callable[[Node], str], *syntaxes: str
) -> Framework:
    """Declare a format that is written in one of ``syntaxes``, any if none is given."""

    def recognise(root: Node, document: Document) -> str:
        return sign(root) if not syntaxes or document.format in syntaxes else ""

    return Framework(
        name=name, title=title, rank=rank, recognise=recognise, keys={}, scalars=yaml11
    )


FRAMEWORKS: Final = (_later("onetrainer", "OneTrainer", 250, _onetrainer, "json"),)
