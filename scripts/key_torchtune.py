"""Keys of a torchtune config: what the recipes ask of `cfg`, and what builders of models take.

The top level has no class; a section is handed to the function its `_component_` names. All
builders of models are taken together, since a config names only one of them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import key_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from key_classes import Package

_RECIPES = ("recipes/*.py", "recipes/dev/*.py", "torchtune/**/*.py")
_BUILDERS = ("torchtune/models/*/_model_builders.py", "torchtune/models/*/_component_builders.py")
_METHODS = {"get", "items", "keys", "pop", "update", "copy"}


def config_classes(package: Package) -> key_history.Snapshot:
    """The top level, and the section of the model."""
    fields: dict[str, dict[str, object]] = {name: {} for name in sorted(_top_level(package))}
    fields["model"] = {"models": ["Model"]}
    taken = sorted(_parameters(package) | {"_component_"})
    builder: dict[str, dict[str, object]] = {name: {} for name in taken}
    return {
        "Recipe": key_history.Class(module="recipes", bases=[], fields=fields),
        "Model": key_history.Class(module="torchtune.models", bases=[], fields=builder),
    }


def _top_level(package: Package) -> set[str]:
    found: set[str] = set()
    for module in package.modules(_RECIPES):
        for node in ast.walk(module.tree):
            found |= set(_asked(node))
    return found - _METHODS


def _asked(node: ast.AST) -> Iterator[str]:
    """Names in `cfg.name`, `cfg["name"]`, `cfg.get("name")`."""
    match node:
        case ast.Attribute(value=holder, attr=name) if _is_config(holder):
            yield name
        case ast.Subscript(value=holder, slice=ast.Constant(value=str() as name)):
            if _is_config(holder):
                yield name
        case ast.Call(
            func=ast.Attribute(value=holder, attr="get"),
            args=[ast.Constant(value=str() as name), *_],
        ) if _is_config(holder):
            yield name


def _is_config(node: ast.expr) -> bool:
    match node:
        case ast.Name(id="cfg" | "config") | ast.Attribute(attr="cfg" | "_cfg"):
            return True
        case _:
            return False


def _parameters(package: Package) -> set[str]:
    found: set[str] = set()
    for module in package.modules(_BUILDERS):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef):
                found |= {item.arg for item in (*node.args.args, *node.args.kwonlyargs)}
    return found
