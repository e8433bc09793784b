"""Plugins: installed packages that bring rules of their own, loaded only where the user names them.

A plugin is an entry point of the group :data:`GROUP`. Loading one runs its code, so a name comes
from the command line or from the user's environment (:data:`VARIABLE`), never from the settings of
a repository that is checked.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.condition import FIELD_FUNCTIONS, FUNCTIONS
from lora_advisor.findings import RuleError
from lora_advisor.recipe import UNKNOWN
from lora_advisor.record import field, record, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "UNKNOWN", "VARIABLE", "Plugin", "PluginError", "installed", "load"]

GROUP: Final = "lora_advisor.rules"
VARIABLE: Final = "LORA_ADVISOR_PLUGINS"


class PluginError(RuleError):
    """A plugin that cannot be used; the message names it and what is wrong."""


@record
class Plugin:
    """What a plugin gives: a folder of cards, and functions that their conditions can call.

    A function gets the values that the card names, none of them unknown, and returns a truth
    value, a number, a text, None, a list of these, or :data:`UNKNOWN` where it cannot say.
    """

    cards: Path
    functions: Mapping[str, Callable[..., object]] = field(default_factory=dict)


def installed() -> dict[str, str]:
    """Return the plugins of installed packages with the package of each; none is loaded."""
    return {name: _package(points[0]) for name, points in sorted(_points().items())}


def load(names: Iterable[str]) -> tuple[Plugin, ...]:
    """Load plugins by name, each once; :class:`PluginError` if one cannot be used."""
    names = tuple(dict.fromkeys(names))
    if not names:
        return ()
    points = _points()
    return tuple(_loaded(name, points) for name in names)


def _points() -> dict[str, list[EntryPoint]]:
    from importlib import metadata  # 50 ms that most runs save

    found: dict[str, list[EntryPoint]] = {}
    with _without_current_folder():
        for point in metadata.entry_points(group=GROUP):
            found.setdefault(point.name, []).append(point)
    return found


@contextmanager
def _without_current_folder() -> Iterator[None]:
    """Leave out the folder that ``python -m`` looks in first: it may be the checked repository."""
    kept = list(sys.path)
    if kept and kept[0] in ("", os.getcwd()):  # noqa: PTH109 - the spelling of sys.path
        sys.path[:] = kept[1:]
    try:
        yield
    finally:
        sys.path[:] = kept


def _loaded(name: str, points: Mapping[str, list[EntryPoint]]) -> Plugin:
    found = points.get(name, [])
    if not found:
        known = f"installed are {', '.join(sorted(points))}" if points else "none is installed"
        raise PluginError(f"no plugin is called {name!r}; {known}")
    if len({(point.value, _package(point)) for point in found}) > 1:
        packages = " and ".join(sorted(_package(point) for point in found))
        raise PluginError(f"plugin {name}: more than one package brings it: {packages}")
    try:
        with _without_current_folder():
            plugin = found[0].load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - its code may raise anything
        raise PluginError(f"plugin {name} cannot be loaded: {_said(error)}") from None
    return _usable(name, plugin)


def _usable(name: str, plugin: object) -> Plugin:
    if not isinstance(plugin, Plugin):
        kind = type(plugin).__name__
        raise PluginError(f"plugin {name}: expected a lora_advisor.plugins.Plugin, got {kind}")
    if not isinstance(plugin.cards, Path) or not plugin.cards.is_dir():
        raise PluginError(f"plugin {name}: cards: {str(plugin.cards)!r} is no folder")
    for function, code in plugin.functions.items():
        if not (function.isidentifier() and callable(code)):
            raise PluginError(f"plugin {name}: {function!r} is no function with a plain name")
        if function in FUNCTIONS or function in FIELD_FUNCTIONS:
            raise PluginError(f"plugin {name}: {function}() is a function of the language already")
    guarded = {key: _guarded(name, key, code) for key, code in plugin.functions.items()}
    return replace(plugin, functions=guarded)


def _guarded(plugin: str, name: str, function: Callable[..., object]) -> Callable[..., object]:
    """Turn whatever goes wrong inside a plugin's function into an error that names it."""

    def call(*values: object) -> object:
        try:
            result = function(*values)
        except Exception as error:  # noqa: BLE001 - its code may raise anything
            raise PluginError(f"plugin {plugin}: {name}() failed: {_said(error)}") from None
        if not _is_value(result):
            kind = type(result).__name__
            raise PluginError(f"plugin {plugin}: {name}() returned a {kind}, which is no value")
        return result

    return call


def _is_value(result: object) -> bool:
    if isinstance(result, (list, tuple)):
        return all(_is_value(item) for item in result)
    return result is UNKNOWN or result is None or isinstance(result, (bool, int, float, str))


def _package(point: Any) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "no package"


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
