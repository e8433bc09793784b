"""Assignments that are settings: of a tokenizer's tokens, and the whole configs of mmengine."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from lora_advisor.source.scalars import SETTINGS, is_unknown
from lora_advisor.source.tree import Entry, Mapping, Scalar, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.source.python_values import Scope
    from lora_advisor.source.tree import Node

TOKENS: Final = frozenset({"pad_token", "pad_token_id", "eos_token"})
"""Attributes of a tokenizer whose assignment counts as a call, ``set``."""
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


def token_set(
    target: ast.Attribute, value: ast.expr, found: Node, text: str, span_of: Callable[..., Span]
) -> Entry:
    """Return ``tokenizer.pad_token = tokenizer.eos_token`` and the like as a call."""
    span = span_of(value)
    shown = Scalar(text=text[span.start : span.end], plain=False, span=span)
    key = Scalar(text=target.attr, plain=False, span=span_of(target))
    entry = Entry(key=key, value=shown if is_unknown(found) else found)
    whole = Span(key.span.start, span.end)
    name = Scalar(text="set", plain=False, span=key.span)
    return Entry(key=name, value=Mapping(entries=(entry,), span=whole))
