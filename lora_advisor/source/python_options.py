"""What a program's own command line and settings classes say of a name unless told otherwise."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from lora_advisor.source.python_nodes import dotted, name_of, nodes
from lora_advisor.source.python_values import resolve
from lora_advisor.source.scalars import is_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.source.python_values import Scope
    from lora_advisor.source.tree import Node


_NAMED: Final = (ast.Name, ast.Attribute)
_CONVERSIONS: Final = frozenset({"int", "float", "str", "bool"})


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
    name = _parameter(names, given.get("dest"))
    action = given.get("action")
    switch = action.value if isinstance(action, ast.Constant) else ""
    default = given.get("default")
    if default is None and switch in ("store_true", "store_false"):
        default = ast.copy_location(ast.Constant(switch == "store_false"), node)
    known = default is not None and not _is_none(default)
    _keep(scope, name, resolve(default, scope) if known else None)


def take_change(node: ast.Assign, scope: Scope) -> None:
    """Rely on no default that the program makes something else of: ``x = x.split(",")``.

    ``model = wrapped(model)`` is a name's own matter, ``args.x = read(args.x)`` the option's.
    """
    called = node.value.func if isinstance(node.value, ast.Call) else node.value
    if isinstance(node.value, ast.Call) and name_of(called) in _CONVERSIONS:
        return
    for target in node.targets:
        whole = node.value if isinstance(target, ast.Attribute) else called
        if isinstance(target, _NAMED) and dotted(target) in _named_in(whole):
            scope.options[name_of(target)] = None


def _named_in(value: ast.expr) -> set[str]:
    return {dotted(part) for part in nodes(value) if isinstance(part, _NAMED)}


def _parameter(names: list[str], dest: ast.expr | None) -> str:
    """Return what an option is called in the program: as it says, or after its longest flag."""
    if isinstance(dest, ast.Constant) and isinstance(dest.value, str):
        return dest.value
    plain = (name for name in names if not name.startswith("-"))
    return next(plain, max(names, key=len)).lstrip("-").replace("-", "_")


def take_instances(module: ast.Module, calls: Mapping[str, list[ast.Call]], scope: Scope) -> None:
    """Let the values that the program's own settings classes are made with be their fields'."""
    made = [c for c in module.body if isinstance(c, ast.ClassDef) and c.name in calls]
    known = scope.inner()
    for statement in module.body if made else ():
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            known.names |= dict.fromkeys(names, resolve(statement.value, scope))
    for node in made:
        _take_instance(node, calls[node.name], known)


def _take_instance(node: ast.ClassDef, calls: list[ast.Call], scope: Scope) -> None:
    """Keep what a class is made with; where it is made twice, what is given is uncertain."""
    fields = [name_of(s.target) for s in node.body if isinstance(s, ast.AnnAssign)]
    for call in calls:
        given = dict(zip(fields, call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        spread = any(keyword.arg is None for keyword in call.keywords)
        for name in fields if spread else [name for name in fields if name in given]:
            value = resolve(given[name], scope) if name in given and len(calls) == 1 else None
            scope.options[name] = None if value is None or is_unknown(value) else value


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
