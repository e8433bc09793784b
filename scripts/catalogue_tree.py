"""Writes a model down as a tree of shared nodes, with all that PEFT's matching asks of it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from peft.utils.other import _get_module_names_tied_with_embedding

from lora_advisor.models.meta import (
    embedding,
    extras,
    kind_of,
    shared_modules,
    shared_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn


class Forest:
    """Nodes shared by all trees of a catalogue; equal subtrees are one node."""

    def __init__(self) -> None:
        self.nodes: list[list[Any]] = []
        self._known: dict[str, int] = {}
        self._classes: dict[tuple[str, str], int] = {}

    def add(self, module: nn.Module) -> int:
        """Add a module with all below it; return the number of its node."""
        below = module._modules.items()  # noqa: SLF001 - named_children leaves out second names
        children = [(name, self.add(child)) for name, child in below if child is not None]
        own = module.named_parameters(recurse=False, remove_duplicate=False)
        shapes = [[name, *parameter.shape] for name, parameter in own]
        node = [self._class_of(module), shapes, folded(children), extras(module)]
        text = json.dumps(node)
        if text not in self._known:
            self._known[text] = len(self.nodes)
            self.nodes.append(node)
        return self._known[text]

    def class_names(self) -> list[list[str]]:
        """Return name and kind of every class met, by number."""
        return [list(pair) for pair in self._classes]

    def _class_of(self, module: nn.Module) -> int:
        pair = (type(module).__name__, kind_of(module))
        return self._classes.setdefault(pair, len(self._classes))


def folded(children: list[tuple[str, int]]) -> list[list[Any]]:
    """Fold equal neighbours numbered on to ``[first, last, node]``; others are ``[name, node]``."""
    runs: list[list[Any]] = []
    for name, node in children:
        if name.isdecimal():
            number = int(name)
            last = runs[-1] if runs else None
            if last is not None and last[-1] == node and last[-2] == number - 1:
                last[1] = number
            else:
                runs.append([number, number, node])
        else:
            runs.append([name, node])
    return runs


def describe(model: nn.Module, forest: Forest) -> dict[str, Any]:
    """Write down a built model: its tree, its embeddings, and what is tied to what."""
    names = {id(module): name for name, module in model.named_modules()}
    config = model.config.to_dict()
    return {
        "root": forest.add(model),
        "type": model.config.model_type,
        "input": names.get(id(embedding(model, "get_input_embeddings"))),
        "output": names.get(id(embedding(model, "get_output_embeddings"))),
        "tie": config.get("tie_word_embeddings"),
        "tied": _tied(model),
        "shared": shared_modules(model, names),
        "ties": shared_parameters(model),
        "leaves": leaves(names.values()),
        "generates": hasattr(model, "prepare_inputs_for_generation"),
    }


def leaves(names: Iterable[str]) -> str:
    """Return a fingerprint of the last names of all modules, numbers left out."""
    last = {name.rpartition(".")[2] for name in names}
    words = sorted(name for name in last if not name.isdecimal())
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:12]


def _tied(model: Any) -> list[str]:
    try:
        return list(_get_module_names_tied_with_embedding(model))
    except (NotImplementedError, AttributeError, ValueError):
        return []
