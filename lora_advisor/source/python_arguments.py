"""What a call of a program is given: arguments by name or place, and whose method it is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from lora_advisor.record import replace
from lora_advisor.source.python_calls import (
    LOADED,
    OF_A_MODEL,
    OUTPUT_FIRST,
    POSITIONAL,
    TRAINERS,
)
from lora_advisor.source.python_nodes import name_of
from lora_advisor.source.python_values import keywords, resolve
from lora_advisor.source.scalars import FROZEN
from lora_advisor.source.tree import Entry, Mapping, Node, Scalar, Span

if TYPE_CHECKING:
    from lora_advisor.source.python_values import Scope

_PARAMETERS: Final = frozenset({"parameters", "named_parameters"})


def arguments(node: ast.Call, name: str, scope: Scope, aliases: dict[str, str]) -> list[Entry]:
    """Return all that a call is given; ``of`` and ``on`` say whose it is and how that was made."""
    owners = _owner(node, scope, aliases)
    entries = owners + _positional(node, _places(name, owners), scope)
    if name in OF_A_MODEL and isinstance(node.func, ast.Attribute):
        entries += _made_from(node.func.value, scope)
    if name == "AdamW" and (model := _parameters_of(node.args[0] if node.args else None)):
        entries += _made_from(model, scope)
    return entries + keywords(node, scope)


def _made_from(owner: ast.expr, scope: Scope) -> list[Entry]:
    """Return what a method's owner was made by, where that is known."""
    made = resolve(owner, scope)
    key = Scalar(text="on", plain=False, span=scope.spans(owner))
    return [Entry(key=key, value=made)] if isinstance(made, Mapping) else []


def _parameters_of(given: ast.expr | None) -> ast.expr | None:
    """Return the model of which ``model.parameters()`` are the weights."""
    called = given.func if isinstance(given, ast.Call) else None
    gives = isinstance(called, ast.Attribute) and called.attr in _PARAMETERS
    return called.value if gives and isinstance(called, ast.Attribute) else None


def _owner(node: ast.Call, scope: Scope, aliases: dict[str, str]) -> list[Entry]:
    """Say of a method whose it is: ``of`` the class or variable."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr[:1].isupper():
        return []  # of a class, it is the module it comes from
    span = scope.spans(node.func.value)
    owner = name_of(node.func.value)
    owner = aliases.get(owner, owner)
    if not owner and isinstance(node.func.value, ast.Call):
        owner = name_of(node.func.value.func)
    text = Scalar(text=owner, plain=False, span=span)
    return [Entry(key=Scalar(text="of", plain=False, span=span), value=text)]


def _places(name: str, owners: list[Entry]) -> tuple[str, ...]:
    """Return what the arguments of a call are called that are given by place."""
    if name.endswith("Trainer"):
        return TRAINERS.get(name, ("model", "args"))
    if name == "from_pretrained" and owners and isinstance(owners[0].value, Scalar):
        for start, names in LOADED.items():
            if owners[0].value.text.startswith(start):
                return names
    return ("output_dir",) if OUTPUT_FIRST.fullmatch(name) else POSITIONAL.get(name, ())


def _positional(node: ast.Call, names: tuple[str, ...], scope: Scope) -> list[Entry]:
    entries = []
    for index, argument in enumerate(node.args):
        if isinstance(argument, ast.Starred):
            break
        span = scope.spans(argument)
        label = names[index] if index < len(names) else f"[{index}]"
        key = Scalar(text=label, plain=False, span=span)
        entries.append(Entry(key=key, value=resolve(argument, scope)))
    return entries


def marked(call: Node, mark: str) -> Node:
    """Return a call with a mark beside its arguments."""
    if not isinstance(call, Mapping):
        return call
    key = Scalar(text=mark, plain=False, span=call.span)
    sign = Scalar(text="True", plain=True, span=call.span)
    return replace(call, entries=(*call.entries, Entry(key=key, value=sign)))


def adapter_of(node: ast.Call, scope: Scope) -> Entry | None:
    """Return the ``LoraConfig`` that PEFT's ``get_peft_config`` makes of a known mapping."""
    given = resolve(node.args[0], scope) if len(node.args) == 1 else None
    kind = given.get("peft_type") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(kind, Scalar) or kind.text != "LORA":
        return None
    entries = tuple(entry for entry in given.entries if entry.key.text != "peft_type")
    span = scope.spans(node.func)
    key = Scalar(text="LoraConfig", plain=False, span=span)
    return Entry(key=key, value=replace(given, entries=entries))


def frozen(loop: ast.For, scope: Scope) -> Entry | None:
    """Return the freezing of a model by a loop that sets ``requires_grad = False`` throughout."""
    model = _parameters_of(loop.iter)
    body = loop.body[0] if len(loop.body) == 1 and not loop.orelse else None
    target = body.targets[0] if isinstance(body, ast.Assign) else None
    sets = isinstance(target, ast.Attribute) and target.attr == "requires_grad"
    off = isinstance(body, ast.Assign) and isinstance(body.value, ast.Constant)
    if model is None or not sets or not off or body.value.value is not False:  # type: ignore[union-attr]
        return None
    span = scope.spans(model)
    of = Entry(
        key=Scalar(text="of", plain=False, span=span),
        value=Scalar(text=name_of(model), plain=False, span=span),
    )
    at = Span(scope.spans(loop).start, scope.spans(loop.iter).end)
    entries = (of, *_made_from(model, scope))
    whole = scope.spans(loop)
    return Entry(
        key=Scalar(text=FROZEN, plain=False, span=at), value=Mapping(entries=entries, span=whole)
    )
