"""The language of a card's texts: Jinja2 with conditions, filters and sums, in a sandbox.

A text may come from anybody's repository, so it holds no loop, no definition and no call but of
methods that make a text shorter, and no filter makes much out of little.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lora_advisor.wording import show

FILTERS: Final = (
    *("abs", "default", "first", "float", "int", "join", "last", "length", "lower", "replace"),
    *("round", "sort", "title", "tojson", "trim", "unique", "upper"),
)
WITH_ARGUMENTS: Final = ("default", "join", "replace", "round")
METHODS: Final = frozenset(
    ("endswith", "partition", "removeprefix", "removesuffix", "rpartition", "startswith", "strip")
)
MAX_LENGTH: Final = 10_000
"""Longest text (characters) that a filter may make."""
MAX_DIGITS: Final = 10
_ROUNDINGS: Final = [[], *([digits] for digits in range(MAX_DIGITS + 1))]

_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Const),
    *(nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.List, nodes.Tuple),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat),
    *(nodes.Filter, nodes.Test, nodes.Call),
)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, in which texts cannot be multiplied either."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Let numbers through, as a text times a number, or filled with one, may be endless."""
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if operator == "**" or not numbers:
            raise SecurityError(f"{operator} is not allowed in a text")
        return super().call_binop(context, operator, left, right)


@cache
def environment() -> _Environment:
    """Return the one engine of all cards' texts; they stay plain text, reports escape it."""
    made = _Environment(undefined=StrictUndefined, finalize=show, autoescape=False)
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.filters |= {"join": _join, "replace": _replace}
    made.globals.clear()
    return made


def refuse(template: str) -> None:
    """Raise Jinja2's ``SecurityError`` for what is not part of the language."""
    waiting: list[nodes.Node] = [environment().parse(template)]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, _ALLOWED):
            raise SecurityError(f"{type(node).__name__} is not allowed in a text")
        if isinstance(node, nodes.Call):
            _refuse_call(node)
        elif isinstance(node, nodes.Filter):
            _refuse_arguments(node)
        waiting.extend(node.iter_child_nodes())


def _refuse_call(node: nodes.Call) -> None:
    method = node.node
    if not isinstance(method, nodes.Getattr) or method.attr not in METHODS:
        raise SecurityError(f"in a text only these can be called: {', '.join(sorted(METHODS))}")


def _refuse_arguments(node: nodes.Filter) -> None:
    plain = all(isinstance(argument, nodes.Const) for argument in node.args)
    if node.kwargs or node.dyn_args or node.dyn_kwargs or not plain:
        raise SecurityError(f"the filter {node.name} takes plain values only")
    if node.args and node.name not in WITH_ARGUMENTS:
        raise SecurityError(f"the filter {node.name} takes no values")
    if node.name == "round" and [a.as_const() for a in node.args] not in _ROUNDINGS:
        raise SecurityError(f"the filter round takes 0 to {MAX_DIGITS} digits")


def _join(value: Any, between: str = "") -> str:
    items = [str(item) for item in value]
    _measure(sum(map(len, items)) + len(items) * len(between))
    return between.join(items)


def _replace(value: Any, old: str, new: str) -> str:
    text = str(value)
    _measure(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _measure(length: int) -> None:
    if length > MAX_LENGTH:
        raise SecurityError(f"a filter would make more than {MAX_LENGTH} characters")
