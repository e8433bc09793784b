"""What a Python expression says without running it: constants, collections, earlier assignments.

Everything that is not certain becomes a scalar with :data:`UNKNOWN_TAG`.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.record import replace
from lora_advisor.source.python_made import (
    MAX_ITEMS,
    constant,
    converted,
    member,
    parted,
    ranged,
    unknown,
)
from lora_advisor.source.python_nodes import name_of
from lora_advisor.source.scalars import UNKNOWN_TAG, is_unknown, python_value
from lora_advisor.source.tree import Entry, Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Callable

_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_PATHS: Final = (ast.Name, ast.Attribute, ast.Subscript)
_NAMESPACES: Final = frozenset({"dict", "SimpleNamespace", "Namespace"})
_WRAPPERS: Final = frozenset({"EasyDict", "edict", "AttrDict", "Munch", "DotMap"})
"""Classes that let the items of a mapping be read as attributes."""


class Scope:
    """Names at one point of a program; ``options`` are defaults a command line may change.

    In a method ``owner`` is its class; ``trained`` tells that a training was started before.
    """

    __slots__ = ("call", "names", "options", "owner", "spans", "trained")

    def __init__(
        self,
        *,
        spans: Callable[[ast.AST], Span],
        call: Callable[[ast.Call, Scope], Node | None] | None = None,
    ) -> None:
        self.spans = spans
        self.call = call
        self.names: dict[str, Node | None] = {}
        self.options: dict[str, Node | None] = {}
        self.owner = ""
        self.trained = False

    def inner(self) -> Scope:
        """Return a copy in which assignments stay inside."""
        inner = Scope(spans=self.spans, call=self.call)
        inner.names, inner.options = dict(self.names), self.options
        inner.owner, inner.trained = self.owner, self.trained
        return inner


def resolve(node: ast.expr | None, scope: Scope) -> Node:
    """Turn an expression into a node whose span is the expression's own."""
    if node is None:
        return Scalar(text="", plain=True, span=Span(0, 0), tag=UNKNOWN_TAG)
    span = scope.spans(node)
    handler = _HANDLERS.get(type(node))
    found = handler(node, scope, span) if handler is not None else None
    if found is None:
        return unknown(span)
    return found if found.span is span else replace(found, span=span)


def is_bare_unknown(node: Node) -> bool:
    """Whether nothing at all is known of a node: not even what it is made of."""
    return isinstance(node, Scalar) and is_unknown(node)


def is_none(node: Node | None) -> bool:
    """Whether a value is None itself."""
    return isinstance(node, Scalar) and node.tag != UNKNOWN_TAG and python_value(node) is None


def _constant(node: ast.Constant, scope: Scope, span: Span) -> Node | None:
    del scope
    return constant(node.value, span)


def _name(node: ast.Name, scope: Scope, span: Span) -> Node | None:
    del span
    return scope.names.get(node.id)


def _attribute(node: ast.Attribute, scope: Scope, span: Span) -> Node | None:
    owner = name_of(node.value)
    if (found := member(owner, node.attr, span)) is not None:
        return found
    if node.attr == "value" and isinstance(node.value, ast.Attribute):
        return _attribute(node.value, scope, span)
    whole = f"{owner}.{node.attr}"
    if whole in scope.names:
        return scope.names[whole]
    held = resolve(node.value, scope) if isinstance(node.value, _PATHS) else None
    known = held.get(node.attr) if isinstance(held, Mapping) else None
    return known if known is not None else scope.options.get(node.attr)


def _items(node: ast.List | ast.Tuple | ast.Set, scope: Scope, span: Span) -> Node | None:
    items: list[Node] = []
    for item in node.elts:
        if isinstance(item, ast.Starred):
            inner = resolve(item.value, scope)
            if not isinstance(inner, Sequence):
                return None
            items.extend(inner.items)
        else:
            items.append(resolve(item, scope))
    return Sequence(items=tuple(items), span=span)


def _dict(node: ast.Dict, scope: Scope, span: Span) -> Node | None:
    entries: list[Entry] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            merged = resolve(value, scope)
            if not isinstance(merged, Mapping):
                return None
            entries.extend(merged.entries)
            continue
        name = resolve(key, scope)
        if not isinstance(name, Scalar) or name.tag == UNKNOWN_TAG:
            return None
        entries.append(Entry(key=name, value=resolve(value, scope)))
    return Mapping(entries=tuple(entries), span=span)


def _subscript(node: ast.Subscript, scope: Scope, span: Span) -> Node | None:
    del span
    owner, index = resolve(node.value, scope), resolve(node.slice, scope)
    if not isinstance(index, Scalar) or index.tag == UNKNOWN_TAG:
        return None
    if isinstance(owner, Mapping):
        return owner.get(index.text)
    position = python_value(index)
    if isinstance(owner, Sequence) and isinstance(position, int):
        return owner.items[position] if -len(owner.items) <= position < len(owner.items) else None
    return None


def _plain(found: Node) -> Any:
    """Return a scalar's Python value, or the node itself when it is none or unknown."""
    if isinstance(found, Scalar) and found.tag != UNKNOWN_TAG:
        return python_value(found)
    return found


def _binary(node: ast.BinOp, scope: Scope, span: Span) -> Node | None:
    left, right = resolve(node.left, scope), resolve(node.right, scope)
    if isinstance(left, Sequence) and isinstance(right, Sequence) and _is(node.op, ast.Add):
        return Sequence(items=(*left.items, *right.items)[:MAX_ITEMS], span=span)
    values = [_plain(left), _plain(right)]
    apply = _ARITHMETIC.get(type(node.op))
    numbers = all(isinstance(value, (int, float)) for value in values)
    texts = all(isinstance(value, str) for value in values) and _is(node.op, ast.Add)
    if apply is None or not (numbers or texts) or (texts and sum(map(len, values)) > MAX_ITEMS):
        return None
    try:
        return constant(apply(*values), span)
    except ArithmeticError:
        return None


def _is(node: ast.operator, kind: type[ast.operator]) -> bool:
    return isinstance(node, kind)


def _unary(node: ast.UnaryOp, scope: Scope, span: Span) -> Node | None:
    value = _plain(resolve(node.operand, scope))
    if isinstance(node.op, ast.USub) and isinstance(value, (int, float)):
        return constant(-value, span)
    if isinstance(node.op, ast.Not) and (value is None or isinstance(value, (bool, int, str))):
        return constant(not value, span)
    return None


def _formatted(node: ast.JoinedStr, scope: Scope, span: Span) -> Node | None:
    parts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            if part.format_spec is not None or part.conversion != -1:
                return None
            value = _plain(resolve(part.value, scope))
        else:
            value = _plain(resolve(part, scope))
        if not isinstance(value, (str, int, float)):
            return None
        parts.append(str(value))
    return constant("".join(parts)[:MAX_ITEMS], span)


def _choice(node: ast.IfExp, scope: Scope, span: Span) -> Node | None:
    del span
    test = _plain(resolve(node.test, scope))
    if isinstance(test, (bool, int, str)) or test is None:
        return resolve(node.body if test else node.orelse, scope)
    return None


_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def truth(node: ast.expr, scope: Scope) -> bool | None:
    """Return what a condition comes to with the values known, None where they do not tell."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = truth(node.operand, scope)
        return None if inner is None else not inner
    if isinstance(node, ast.BoolOp):
        parts = [truth(part, scope) for part in node.values]
        decides = isinstance(node.op, ast.Or)
        if decides in parts:
            return decides
        return None if None in parts else not decides
    if isinstance(node, ast.Compare):
        return _compared(node, scope)
    found = resolve(node, scope)
    if isinstance(found, Scalar) and found.tag != UNKNOWN_TAG:
        return bool(python_value(found))
    return None


def _compared(node: ast.Compare, scope: Scope) -> bool | None:
    if isinstance(node.ops[0], (ast.In, ast.NotIn)) and len(node.ops) == 1:
        return _contained(node, scope)
    sides = [_plain(resolve(node.left, scope)), _plain(resolve(node.comparators[0], scope))]
    compare = _COMPARISONS.get(type(node.ops[0]))
    simple = all(side is None or isinstance(side, (bool, int, float, str)) for side in sides)
    if compare is None or len(node.ops) > 1 or not simple:
        return None
    try:
        return bool(compare(*sides))
    except TypeError:
        return None


def _contained(node: ast.Compare, scope: Scope) -> bool | None:
    """Return whether a known value is in a list whose members are all known."""
    member, box = _plain(resolve(node.left, scope)), resolve(node.comparators[0], scope)
    if isinstance(member, (Scalar, Mapping, Sequence)) or not isinstance(box, Sequence):
        return None
    if is_unknown(box) or not all(isinstance(item, Scalar) for item in box.items):
        return None
    inside = member in [python_value(item) for item in box.items if isinstance(item, Scalar)]
    return inside is isinstance(node.ops[0], ast.In)


def _comparison(node: ast.Compare, scope: Scope, span: Span) -> Node | None:
    return constant(_compared(node, scope), span) if _compared(node, scope) is not None else None


def _default_of(node: ast.BoolOp, scope: Scope, span: Span) -> Node | None:
    """Read ``value or default`` where the value is known."""
    del span
    if not isinstance(node.op, ast.Or):
        return None
    for part in node.values:
        value = _plain(resolve(part, scope))
        if isinstance(value, (Scalar, Mapping, Sequence)):
            found = resolve(part, scope)
            return None if is_unknown(found) else found
        if value:
            return resolve(part, scope)
    return resolve(node.values[-1], scope)


def _call(node: ast.Call, scope: Scope, span: Span) -> Node | None:
    name = name_of(node.func)
    if name in _NAMESPACES and not node.args:
        entries = [_keyword(keyword, scope) for keyword in node.keywords]
        return Mapping(entries=tuple(entry for part in entries for entry in part), span=span)
    if name in _WRAPPERS and len(node.args) == 1 and not node.keywords:
        wrapped = resolve(node.args[0], scope)
        return wrapped if isinstance(wrapped, Mapping) else None
    if name == "get" and isinstance(node.func, ast.Attribute) and len(node.args) == 2:  # noqa: PLR2004
        return _looked_up(node.func.value, node, scope)
    if name == "getattr" and len(node.args) in (2, 3):
        return _named_attribute(node, scope, span)
    if name == "range" and not node.keywords:
        return ranged([_plain(resolve(bound, scope)) for bound in node.args], span)
    if name in _COPIES and len(node.args) == 1 and not node.keywords:
        inner = resolve(node.args[0], scope)
        return inner if isinstance(inner, _COPIES[name]) else None
    if name == "split" and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
        text, separator = resolve(node.func.value, scope), resolve(node.args[0], scope)
        return parted(_plain(text), _plain(separator), span)
    if name in ("int", "float", "str", "bool") and len(node.args) == 1:
        return converted(name, _plain(resolve(node.args[0], scope)), span)
    return scope.call(node, scope) if scope.call is not None else None


def _looked_up(owner: ast.expr, node: ast.Call, scope: Scope) -> Node | None:
    """Read ``settings.get(key, default)`` of a mapping that is known."""
    held, key = resolve(owner, scope), resolve(node.args[0], scope)
    if not isinstance(held, Mapping) or is_unknown(key) or not isinstance(key, Scalar):
        return None
    return held.get(key.text) or (None if "**" in held else resolve(node.args[1], scope))


def _named_attribute(node: ast.Call, scope: Scope, span: Span) -> Node | None:
    """Read ``getattr(torch, name)`` of a name that is known."""
    name = _plain(resolve(node.args[1], scope))
    if not isinstance(name, str):
        return None
    return _attribute(ast.Attribute(value=node.args[0], attr=name), scope, span)


def _keyword(keyword: ast.keyword, scope: Scope) -> list[Entry]:
    value = resolve(keyword.value, scope)
    if keyword.arg == "type" and is_unknown(value) and isinstance(value, Scalar):
        value = _class_name(keyword.value, value)
    if keyword.arg is not None:
        start = scope.spans(keyword).start
        span = Span(start, start + len(keyword.arg))
        return [Entry(key=Scalar(text=keyword.arg, plain=False, span=span), value=value)]
    if isinstance(value, Mapping):
        return list(value.entries)
    star = Scalar(text="**", plain=False, span=value.span)
    return [Entry(key=star, value=unknown(value.span))]


def _class_name(node: ast.expr, unknown_value: Scalar) -> Scalar:
    """Name the class of ``dict(type=LoraConfig)``, the way mmengine writes a call."""
    owner = name_of(node.value) if isinstance(node, ast.Attribute) else ""
    name = f"{owner}.{node.attr}" if isinstance(node, ast.Attribute) else name_of(node)
    if not any(part[:1].isupper() for part in name.split(".")):
        return unknown_value
    return Scalar(text=name, plain=False, span=unknown_value.span)


def keywords(node: ast.Call, scope: Scope) -> list[Entry]:
    """Return a call's keyword arguments, ``**mapping`` spread; ``**`` marks one not known."""
    return [entry for keyword in node.keywords for entry in _keyword(keyword, scope)]


_COPIES: Final[dict[str, type[Sequence] | tuple[type[Sequence], type[Mapping]]]] = {
    **dict.fromkeys(("list", "tuple", "set", "sorted"), Sequence),
    **dict.fromkeys(("deepcopy", "create_reference_model"), (Sequence, Mapping)),
}
_HANDLERS: Final[dict[type[ast.AST], Callable[[Any, Scope, Span], Node | None]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.List: _items,
    ast.Tuple: _items,
    ast.Set: _items,
    ast.Dict: _dict,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.JoinedStr: _formatted,
    ast.IfExp: _choice,
    ast.BoolOp: _default_of,
    ast.Compare: _comparison,
    ast.Call: _call,
}
