"""What a program's own command line and settings classes say of a name unless told otherwise."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lora_advisor.source.python_nodes import name_of
from lora_advisor.source.python_values import resolve
from lora_advisor.source.scalars import is_unknown

if TYPE_CHECKING:
    from lora_advisor.source.python_values import Scope
    from lora_advisor.source.tree import Node


def take_fields(node: ast.ClassDef, scope: Scope) -> None:
    """Keep the values a class gives its fields; None in a dataclass is for somebody to fill in."""
    for statement in node.body:
        target = getattr(statement, "target", None) or next(
            iter(getattr(statement, "targets", [])), None
        )
        value = getattr(statement, "value", None)
        if isinstance(target, ast.Name) and value is not None:
            to_fill = bool(node.decorator_list) and _is_none(value)
            _keep(scope, target.id, None if to_fill else field_default(value, scope))


def take_option(node: ast.Call, scope: Scope) -> None:
    """Keep the default of ``add_argument`` or ``click.option``; None is no value to rely on."""
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    flags = [a.value for a in node.args if isinstance(a, ast.Constant)]
    names = [flag for flag in flags if isinstance(flag, str)]
    if not names:
        return
    name = max(names, key=len).lstrip("-").replace("-", "_")
    action = given.get("action")
    switch = action.value if isinstance(action, ast.Constant) else ""
    default = given.get("default")
    if default is None and switch in ("store_true", "store_false"):
        default = ast.copy_location(ast.Constant(switch == "store_false"), node)
    known = default is not None and not _is_none(default)
    _keep(scope, name, resolve(default, scope) if known else None)


def field_default(value: ast.expr, scope: Scope) -> Node:
    """Read ``field(default=…)``, ``Option(…)`` or a plain constant."""
    if isinstance(value, ast.Call) and name_of(value.func) in ("field", "Field", "Option"):
        given = {keyword.arg: keyword.value for keyword in value.keywords}
        factory = given.get("default_factory")
        if isinstance(factory, ast.Lambda):
            return resolve(factory.body, scope)
        first = value.args[0] if value.args else None
        default = given.get("default", first)
        return resolve(None if default is not None and _is_none(default) else default, scope)
    return resolve(value, scope)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _keep(scope: Scope, name: str, value: Node | None) -> None:
    """Keep a default; a name that is declared twice with two values is uncertain."""
    if value is not None and is_unknown(value):
        value = None
    scope.options[name] = value if name not in scope.options else None
