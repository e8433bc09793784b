"""Formats that are recognised but not read yet: only their name is known.

Each sign is one that no other format has, so that none of these files is taken for a home-made
config. No rule fires on them, and ``check`` says which format it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework
from lora_advisor.source.scalars import yaml11
from lora_advisor.source.tree import Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.source.tree import Document, Node


def _ai_toolkit(root: Node) -> str:
    processes = signs.node(root, "config.process")
    job = signs.text(root, "job")
    return f"job: {job} and config.process" if job and isinstance(processes, Sequence) else ""


def _autotrain(root: Node) -> str:
    return signs.all_of(root, "task", "base_model", "backend", "project_name")


def _unsloth_studio(root: Node) -> str:
    """Tell unsloth Studio from other files of sections: by the switches only it has."""
    if not signs.text(root, "lora.lora_r"):
        return ""
    for section, names in (
        ("training", ("train_on_completions", "training_type")),
        ("lora", ("finetune_vision_layers", "vision_all_linear")),
    ):
        found = signs.one_of(signs.node(root, section) or root, *names)
        if found:
            return f"lora.lora_r and {section}.{found}"
    return ""


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


FRAMEWORKS: Final = (
    _later("ai-toolkit", "AI Toolkit", 40, _ai_toolkit),
    _later("autotrain", "AutoTrain Advanced", 50, _autotrain),
    _later("unsloth-studio", "Unsloth Studio", 130, _unsloth_studio),
    _later("onetrainer", "OneTrainer", 250, _onetrainer, "json"),
)
