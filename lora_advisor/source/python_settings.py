"""Assignments that are settings as a whole: the configs of mmengine."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from lora_advisor.source.scalars import SETTINGS
from lora_advisor.source.tree import Entry, Mapping, Scalar, Span

if TYPE_CHECKING:
    from lora_advisor.source.python_values import Scope

_SETTINGS_OF: Final = frozenset({"model", "optim_wrapper", "train_dataloader"})
_HF_SETTINGS: Final = frozenset({"framework", "model", "training_args"})


def settings_of(module: ast.Module, scope: Scope, length: int) -> Entry | None:
    """Return the assignments of a config of mmengine, whose file is one mapping."""
    found: dict[str, Entry] = {}
    for statement in module.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        value = scope.names.get(target.id) if isinstance(target, ast.Name) else None
        if isinstance(target, ast.Name) and value is not None:
            key = Scalar(text=target.id, plain=False, span=scope.spans(target))
            found[target.id] = Entry(key=key, value=value)
    if not (found.keys() >= _SETTINGS_OF or found.keys() >= _HF_SETTINGS):
        return None
    mapping = Mapping(entries=tuple(found.values()), span=Span(start=0, end=length))
    return Entry(key=Scalar(text=SETTINGS, plain=False, span=Span(0, 0)), value=mapping)
