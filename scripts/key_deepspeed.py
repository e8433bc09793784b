"""Top-level keys of a DeepSpeed JSON: what its configuration code looks up in the parsed file.

DeepSpeed has no class for the top level; functions and methods take the dictionary as
`param_dict` (or `ds_config`, `pd`) and ask it for names that are mostly constants.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from key_classes import Package

_READERS = (
    *("config", "precision_config", "zero/config", "tensor_parallel/config"),
    *("activation_checkpointing/config", "swap_tensor/aio_config"),
)
_GLOBS = (
    *(f"deepspeed/runtime/{name}.py" for name in _READERS),
    *(f"deepspeed/{name}/config.py" for name in ("comm", "monitor", "nebula", "profiling")),
    *("deepspeed/utils/config.py", "deepspeed/compile/config.py"),
)
_DICTIONARIES = ("param_dict", "ds_config", "pd")
# Looked up by code that passes sections of the file on under the same names.
_SECTIONS = (
    *("AUTOTUNING", "COMMUNICATION_DATA_TYPE", "COMPRESSION_TRAINING", "DATA_EFFICIENCY"),
    *("CURRICULUM_LEARNING_LEGACY", "ELASTICITY"),
)
# Keys of the section sparse_attention, which its functions also call param_dict.
_INSIDE = {"attention", "mode"}


def top_level_keys(package: Package) -> dict[str, dict[str, object]]:
    """Names asked of the whole configuration, without types: the code gives none."""
    constants = _constants(package)
    names = {constants[name] for name in _SECTIONS if name in constants}
    for module in package.modules(_GLOBS):
        for node in ast.walk(module.tree):
            names |= {found for part in _asked(node) for found in _texts(part, constants)}
    return {name: {} for name in sorted(names - _INSIDE)}


def _constants(package: Package) -> dict[str, str]:
    """Every `NAME = "text"` of the package's files of constants."""
    found: dict[str, str] = {}
    for module in package.modules(("deepspeed/**/*.py",)):
        for node in module.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                text = node.value.value
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                found |= dict.fromkeys(names, text) if isinstance(text, str) else {}
    return found


def _asked(node: ast.AST) -> Iterator[ast.expr]:
    """What stands in place of the key in `d[k]`, `k in d`, `d.get(k)`, `get_scalar_param(d, k)`."""
    match node:
        case ast.Subscript(value=holder, slice=key) if _dictionary(holder):
            yield key
        case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[holder]):
            if _dictionary(holder):
                yield key
        case ast.Call(func=ast.Attribute(value=holder, attr="get"), args=[key, *_]):
            if _dictionary(holder):
                yield key
        case ast.Call(args=[ast.Name(id=name), key, *_]) if name in _DICTIONARIES:
            yield key
        case ast.DictComp(generators=[ast.comprehension(iter=ast.Tuple(elts=names))]):
            yield from names


def _dictionary(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name) | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="keys")):
            return name in _DICTIONARIES
        case ast.Attribute(attr="_param_dict"):
            return True
        case _:
            return False


def _texts(node: ast.expr, constants: dict[str, str]) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    return [constants[node.id]] if isinstance(node, ast.Name) and node.id in constants else []
