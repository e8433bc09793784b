"""Components that a torchtune config can name: of which release, and where a name went.

``components.json`` is made by ``scripts/collect_components.py`` from the published sources.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lora_advisor.frameworks.known import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE: Final = Path(__file__).parent / "keys" / "components.json"


class Span(NamedTuple):
    """The first and the last release with a component; ``last`` is empty where it still is."""

    first: str
    last: str


def is_module(path: str) -> bool:
    """Whether some release has a module of that name."""
    return path in _modules()


def span_of(path: str) -> Span | None:
    """Return which releases have a component, None if none has."""
    module, _, name = path.rpartition(".")
    span = _modules().get(module, {}).get(name)
    if span is None:
        return None
    return Span(first=span[0], last="" if span[1] == _content()["newest"] else span[1])


def now_at(path: str) -> str:
    """Return where the newest release has a component of that name, empty if nowhere."""
    name = path.rpartition(".")[2]
    places = [module for module, names in _modules().items() if _is_living(names.get(name))]
    return f"{min(places, key=lambda place: (place.count('.'), place))}.{name}" if places else ""


def meant(path: str) -> str:
    """Return the component of the same module that a name is a slip of, empty if of none."""
    module, _, name = path.rpartition(".")
    names = _modules().get(module, {})
    near = nearest(name, frozenset(other for other, span in names.items() if _is_living(span)))
    return f"{module}.{near}" if near and _letters(near) != _letters(name) else ""


def _letters(name: str) -> str:
    return name.replace("_", "").lower()


def _is_living(span: object) -> bool:
    return isinstance(span, list) and span[1] == _content()["newest"]


def _modules() -> Mapping[str, Mapping[str, list[str]]]:
    found: Mapping[str, Mapping[str, list[str]]] = _content()["modules"]
    return found


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return content
