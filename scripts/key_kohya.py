"""Keys of sd-scripts: every command-line argument of its network trainers.

The program lays its TOML over the namespace that argparse makes, so the two have the same names.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import key_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from key_classes import Package

_READERS = ("*train_network.py", "library/*.py", "library/*/*.py")


def config_classes(package: Package) -> key_history.Snapshot:
    """One flat list: the trainers of all image models share one file format."""
    found = [
        (name, is_switch(node))
        for module in package.modules(_READERS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        for name in names(node)
    ]
    valued = {name for name, switch in found if not switch}
    every = sorted({name for name, _ in found})
    fields: dict[str, dict[str, object]] = {
        name: {} if name in valued else {"type": "bool"} for name in every
    }
    flat = key_history.Class(module="train_network", bases=[], fields=fields)
    return {"TrainNetwork": flat} if fields else {}


def is_switch(node: ast.Call) -> bool:
    """Whether an argument takes no word (`action="store_true"`)."""
    actions = [k.value for k in node.keywords if k.arg == "action"]
    return any(isinstance(a, ast.Constant) and a.value == "store_true" for a in actions)


def names(node: ast.Call) -> Iterator[str]:
    """Yield what `parser.add_argument("--name", ...)` is called in the namespace."""
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"):
        return
    own = [k.value for k in node.keywords if k.arg == "dest"]
    flags = [a.value for a in node.args if isinstance(a, ast.Constant)]
    longest = max((flag for flag in flags if isinstance(flag, str)), key=len, default="")
    if own and isinstance(own[0], ast.Constant):
        yield str(own[0].value)
    elif longest.startswith("--"):
        yield longest.lstrip("-").replace("-", "_")
