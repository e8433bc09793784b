"""Builds a model on torch's meta device and takes down its modules as a plain tree."""

from __future__ import annotations

import inspect
import os
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from peft.utils.other import _get_module_names_tied_with_embedding
from torch import nn

from lora_advisor.models.meta import embedding, extras, kind_of, shared_parameters

transformers.logging.set_verbosity_error()
warnings.simplefilter("ignore")
LIMIT = 6000


class TooLargeError(Exception):
    """A probe with more modules than are worth looking at."""


@dataclass(slots=True, kw_only=True)
class Node:
    """A module: class and kind, shapes of its own parameters, children by name."""

    what: tuple[str, str]
    shapes: dict[str, tuple[int, ...]]
    children: dict[str, Node]
    transposed: bool
    groups: int


Built = tuple[Node, dict[str, Any]]
"""The tree of a model, and what else is asked of it (see :func:`picture`)."""


def build(model_type: str, raw: dict[str, Any], auto_class: str) -> nn.Module:
    """Build a model on meta from the fields of its config alone."""
    config = transformers.AutoConfig.for_model(model_type, **raw)
    maker = getattr(transformers, auto_class)
    with torch.device("meta"):
        return maker.from_config(config) if auto_class.startswith("Auto") else maker(config)


def picture(model: Any) -> Built:
    """Return the tree of a model, and what else is asked of it."""
    names = {id(module): name for name, module in model.named_modules()}
    doubles: list[list[str]] = []
    root = _node(model, "", names, doubles)
    tied: list[str] = []
    with suppress(NotImplementedError, AttributeError, ValueError):
        tied = list(_get_module_names_tied_with_embedding(model))
    config = model.config.to_dict()
    about = {
        "type": model.config.model_type,
        "input": names.get(id(embedding(model, "get_input_embeddings"))),
        "output": names.get(id(embedding(model, "get_output_embeddings"))),
        "tie": bool(config.get("tie_word_embeddings")),
        "tied": tied,
        "shared": doubles,
        "ties": shared_parameters(model),
        "generates": hasattr(model, "prepare_inputs_for_generation"),
    }
    return root, about


def _node(module: nn.Module, name: str, names: dict[int, str], doubles: list[list[str]]) -> Node:
    children: dict[str, Node] = {}
    for own, child in module._modules.items():  # noqa: SLF001 - second names are left out otherwise
        if child is None:
            continue
        full = f"{name}.{own}" if name else own
        if names[id(child)] != full:
            doubles.append([full, names[id(child)]])
        children[own] = _node(child, full, names, doubles)
    if len(names) > LIMIT:
        raise TooLargeError
    own_parameters = module.named_parameters(recurse=False, remove_duplicate=False)
    return Node(
        what=(type(module).__name__, kind_of(module)),
        shapes={own: tuple(parameter.shape) for own, parameter in own_parameters},
        children=children,
        transposed=bool(extras(module).get("transposed", False)),
        groups=int(extras(module).get("groups", 1)),
    )


def flat(node: Node, name: str = "") -> list[tuple[Any, ...]]:
    """Return every module of a tree with all that is known of it."""
    shapes = tuple(node.shapes.items())
    out: list[tuple[Any, ...]] = [(name, *node.what, shapes, node.transposed, node.groups)]
    for own, child in node.children.items():
        out += flat(child, f"{name}.{own}" if name else own)
    return out


def source_names(config_class: type) -> str:
    """Return the text of the module that defines a config class."""
    try:
        return inspect.getsource(inspect.getmodule(config_class))  # type: ignore[arg-type]
    except (OSError, TypeError):
        return ""
