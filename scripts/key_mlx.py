"""Keys of an mlx-lm training config: what its program asks of the namespace it makes of the file.

mlx-lm has no class for them: the file is laid over a dictionary of defaults, and functions ask
the result, `args` or `config`, for names.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import key_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from key_classes import Package

_READERS = ("mlx_lm/lora.py", "mlx_lm/tuner/datasets.py")
_HOLDERS = ("args", "config")
_SECTIONS = {
    "lora_parameters": ("LoraParameters", "linear_to_lora_layers"),
    "lr_schedule": ("LearningRateSchedule", "build_schedule"),
}


def config_classes(package: Package) -> key_history.Snapshot:
    """The top level and the sections whose keys the code names."""
    sections = {
        label: key_history.Class(
            module="mlx_lm.tuner.utils",
            bases=[],
            fields={name: {} for name in sorted(_subscripts(package, function))},
        )
        for label, function in _SECTIONS.values()
    }
    filled = {label: section for label, section in sections.items() if section.fields}
    fields: dict[str, dict[str, object]] = {name: {} for name in sorted(_top_level(package))}
    for name, (label, _) in _SECTIONS.items():
        if name in fields and label in filled:
            fields[name] = {"models": [label]}
    top = key_history.Class(module="mlx_lm.lora", bases=[], fields=fields)
    return {"TrainingConfig": top} | filled


def _top_level(package: Package) -> set[str]:
    found: set[str] = set()
    for module in package.modules(_READERS):
        called = {id(n.func) for n in ast.walk(module.tree) if isinstance(n, ast.Call)}
        for node in ast.walk(module.tree):
            if id(node) not in called:
                found |= set(_asked(node))
    return found


def _asked(node: ast.AST) -> Iterator[str]:
    """Names in `CONFIG_DEFAULTS = {…}`, `args.name`, `getattr(args, "name")`."""
    match node:
        case ast.Assign(targets=[ast.Name(id="CONFIG_DEFAULTS")], value=ast.Dict(keys=keys)):
            yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))
        case ast.Attribute(value=ast.Name(id=holder), attr=name) if holder in _HOLDERS:
            yield name
        case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id=holder), ast.Constant(), *_]):
            if holder in _HOLDERS and isinstance(node.args[1], ast.Constant):
                yield str(node.args[1].value)


def _subscripts(package: Package, function: str) -> set[str]:
    """Names in `config["name"]` and `config.get("name")` inside one function."""
    found: set[str] = set()
    for module in package.modules(("mlx_lm/tuner/utils.py",)):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef) and node.name == function:
                found |= {name for part in ast.walk(node) for name in _looked_up(part)}
    return found


def _looked_up(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Subscript(slice=ast.Constant(value=str() as name)):
            yield name
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str() as name), *_]):
            yield name
