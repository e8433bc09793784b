"""Keys of a litgpt config: the parameters of the function that trains LoRA."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import key_history

if TYPE_CHECKING:
    from key_classes import Package

_SECTIONS = {"train": "TrainArgs", "eval": "EvalArgs", "log": "LogArgs"}


def config_classes(package: Package) -> key_history.Snapshot:
    """The top level; its sections are dataclasses."""
    fields: dict[str, dict[str, object]] = {}
    for module in package.modules(("litgpt/finetune/lora.py",)):
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == "setup":
                fields = {item.arg: {} for item in (*node.args.args, *node.args.kwonlyargs)}
    for name, model in _SECTIONS.items():
        if name in fields:
            fields[name] = {"models": [model]}
    return {"Setup": key_history.Class(module="litgpt.finetune.lora", bases=[], fields=fields)}
