"""The classes of a program's own: their methods, their instances, what these keep (``self.model``).

An attribute is relied on away from the method that sets it only where nothing else sets it.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING, Final

from lora_advisor.record import record
from lora_advisor.source.python_nodes import MUTATORS, dotted, held_by, name_of, nodes
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.source.python_values import Scope
    from lora_advisor.source.tree import Node

Function = ast.FunctionDef | ast.AsyncFunctionDef
INIT: Final = "__init__"
SELF: Final = "self."
_SEVERAL: Final = 2
_STORES: Final = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_OF_MODELS: Final = ("of", "peft_config")
"""Arguments by which a call that makes a model is known."""


@record
class Method:
    """A method that is called, and the class it belongs to."""

    owner: str
    function: Function


class Objects:
    """What a program's classes define, and what is done with their instances."""

    def __init__(self) -> None:
        self.classes: dict[str, ast.ClassDef] = {}
        self.methods: dict[int, Method] = {}
        self.kept: dict[str, dict[str, Node]] = {}
        self.instances: dict[str, str] = {}
        self._named: dict[str, dict[str, Function]] = {}
        self._names: set[str] = set()
        self._related: set[str] = set()
        self._made: dict[str, str] = {}
        self._stored: Counter[tuple[str, str]] = Counter()
        self._emptied: set[str] = set()
        self._elsewhere: set[str] = set()
        self._calls: dict[str, list[ast.Call]] = {}
        self._storing: dict[int, frozenset[str]] = {}

    def take(self, found: Iterable[ast.AST], classes: list[ast.ClassDef]) -> None:
        """Note the classes, and what the statements of the program do with attributes."""
        for one in classes:
            self._take_class(one)
        for name, one in self.classes.items():
            bases = {name_of(base) for base in one.bases} & self.classes.keys()
            self._related |= {name, *bases} if bases else set()
        for node in found:
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Attribute):
                    self._take_call(node, node.func)
            elif isinstance(node, _STORES):
                self._take_store(node)

        self.instances = {n: made for n, made in self._made.items() if made in self.classes}

    def _take_class(self, node: ast.ClassDef) -> None:
        twice = node.name in self.classes
        self._related |= {node.name} if twice else set()
        self.classes[node.name] = node
        functions = [part for part in node.body if isinstance(part, Function)]
        self._named[node.name] = {part.name: part for part in functions}
        self._names |= self._named[node.name].keys()
        self.methods |= {id(part): Method(owner=node.name, function=part) for part in functions}

    def _take_store(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        value = node.value
        if value is None:
            return
        for target in _targets(node):
            if isinstance(target, ast.Subscript):
                self._count(held_by(target), _SEVERAL)
                continue
            if isinstance(value, ast.Call):
                made, name = name_of(value.func), dotted(target)
                self._made[name] = made if self._made.get(name, made) == made else ""
            if isinstance(target, ast.Attribute):
                self._take_attribute(target, value, plain=not isinstance(node, ast.AugAssign))

    def _take_attribute(self, target: ast.Attribute, value: ast.expr, *, plain: bool) -> None:
        if isinstance(value, ast.Constant) and value.value is None:
            self._emptied.add(target.attr)
            return
        again = any(isinstance(n, ast.Attribute) and n.attr == target.attr for n in nodes(value))
        self._count(target, 1 if plain and not again else _SEVERAL)

    def _count(self, target: ast.expr, times: int) -> None:
        if not isinstance(target, ast.Attribute):
            return
        if not _is_self(target.value):
            self._elsewhere.add(target.attr)
        self._stored[self._class_at(target), target.attr] += times

    def _take_call(self, node: ast.Call, function: ast.Attribute) -> None:
        self._calls.setdefault(function.attr, []).append(node)
        if function.attr in MUTATORS:
            self._count(held_by(function.value), _SEVERAL)

    def _class_at(self, node: ast.expr) -> str:
        """Return the class whose body a node stands in, the innermost one."""
        around = [
            (one.lineno, name)
            for name, one in self.classes.items()
            if one.lineno <= node.lineno <= (one.end_lineno or 0)
        ]
        return max(around)[1] if around else ""

    def stands_alone(self, owner: str) -> bool:
        """Whether a class has no other of the program above or below it."""
        return owner not in self._related

    def method(self, node: ast.Call, scope: Scope) -> Method | None:
        """Return the method that a call is one of, its constructor for a class."""
        if isinstance(node.func, ast.Name):
            owner, name = node.func.id, INIT
        elif isinstance(node.func, ast.Attribute):
            if node.func.attr not in self._names:
                return None
            owner, name = self._owner(node.func.value, scope.owner), node.func.attr
        else:
            return None
        found = self._named.get(owner, {}).get(name)
        return None if found is None else Method(owner=owner, function=found)

    def _owner(self, receiver: ast.expr, owner: str) -> str:
        """Return the class that the receiver of a method is an instance of, empty if unknown."""
        if _is_self(receiver):
            return owner
        if isinstance(receiver, ast.Call):
            return name_of(receiver.func)
        return self._made.get(dotted(receiver), "")

    def calls_of(self, method: Method) -> list[ast.Call]:
        """Return the calls that are, or may be, of a method."""
        calls = self._calls.get(method.function.name, [])
        return [call for call in calls if self._may_be(call, method.owner)]

    def _may_be(self, call: ast.Call, owner: str) -> bool:
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        if _is_self(receiver):
            at = self._class_at(call)
            return at == owner or (at in self._related and owner in self._related)
        if isinstance(receiver, ast.Call):
            return name_of(receiver.func) in (owner, "super")
        return self._made.get(dotted(receiver), "") in ("", owner)

    def settled(self, owner: str, name: str, value: Node | None) -> bool:
        """Whether an attribute has a value wherever it has one that can be worked with."""
        if value is None or name in self._elsewhere:
            return False
        related = owner in self._related
        times = (
            sum(n for (_, stored), n in self._stored.items() if stored == name)
            if related
            else self._stored[owner, name]
        )
        return times == 1 and (name not in self._emptied or _is_model(value))

    def keep(self, owner: str, names: dict[str, Node | None]) -> None:
        """Keep what a method leaves in attributes that nothing else sets."""
        kept = self.kept.setdefault(owner, {})
        for name, value in names.items():
            if value is not None and self.settled(owner, name, value):
                kept[name] = value

    def doubted(self, name: str) -> bool:
        """Whether an attribute is set from outside of its class, too."""
        return name in self._elsewhere

    def stored_by(self, method: Method) -> frozenset[str]:
        """Return the attributes that a method sets, by itself or by others that it calls."""
        key = id(method.function)
        if key not in self._storing:
            self._storing[key] = frozenset()  # for one that calls itself
            self._storing[key] = frozenset(self._stores_of(method))
        return self._storing[key]

    def _stores_of(self, method: Method) -> Iterator[str]:
        others = self._named[method.owner]
        for node in nodes(method.function):
            if isinstance(node, ast.Attribute) and _is_self(node.value):
                if isinstance(node.ctx, ast.Store):
                    yield node.attr
                elif node.attr in others:
                    yield from self.stored_by(
                        Method(owner=method.owner, function=others[node.attr])
                    )


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Iterator[ast.expr]:
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        yield from target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _is_model(value: Node) -> bool:
    """Whether a value is a model that a call made: nobody goes on with None for one."""
    return isinstance(value, Mapping) and any(name in value for name in _OF_MODELS)
