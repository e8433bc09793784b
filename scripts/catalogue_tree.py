"""Writes a model down as a tree of shared nodes, with all that PEFT's matching asks of it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from peft.utils.other import _get_module_names_tied_with_embedding
from torch import nn
from transformers.pytorch_utils import Conv1D

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS: tuple[tuple[Any, str], ...] = (
    (nn.Embedding, "embedding"),
    (nn.Conv2d, "conv2d"),
    (nn.Conv3d, "conv3d"),
    (nn.Conv1d, "conv1d"),
    (nn.MultiheadAttention, "attention"),
    (nn.Linear, "linear"),
    (Conv1D, "transposed-linear"),
    ((nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict), "container"),
)


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
        kind = next((kind for types, kind in KINDS if isinstance(module, types)), "")
        return self._classes.setdefault((type(module).__name__, kind), len(self._classes))


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


def extras(module: nn.Module) -> dict[str, Any]:
    """What beyond class and shapes decides how PEFT adapts a module."""
    found: dict[str, Any] = {}
    if getattr(module, "is_transposed", False):
        found["transposed"] = True
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) and module.groups > 1:
        found["groups"] = module.groups
    return found


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


def embedding(model: Any, getter: str) -> nn.Module | None:
    """Return an embedding of the model, None where it has none."""
    try:
        found: nn.Module | None = getattr(model, getter)()
    except (NotImplementedError, AttributeError):
        return None
    return found


def _tied(model: Any) -> list[str]:
    try:
        return list(_get_module_names_tied_with_embedding(model))
    except (NotImplementedError, AttributeError, ValueError):
        return []


def shared_modules(model: nn.Module, names: dict[int, str]) -> list[list[str]]:
    """Return ``[name, first name]`` of modules that stand in the tree more than once."""
    pairs: list[list[str]] = []
    for name, module in model.named_modules(remove_duplicate=False):
        first = names[id(module)]
        if first != name and not any(name.startswith(f"{known}.") for known, _ in pairs):
            pairs.append([name, first])
    return pairs


def shared_parameters(model: nn.Module) -> list[list[str]]:
    """Return ``[name, first name]`` of parameters that are another one under a second name."""
    first: dict[int, str] = {}
    pairs: list[list[str]] = []
    for name, module in model.named_modules():
        for own, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            full = f"{name}.{own}" if name else own
            known = first.setdefault(id(parameter), full)
            if known != full:
                pairs.append([full, known])
    return pairs
