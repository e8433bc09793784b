"""Derived facts of a recipe: typed functions, called only when a rule asks.

Every public function of a module ``facts/GROUP.py`` (or ``facts/GROUP_TOPIC.py``) is the fact
``GROUP.function``; modules with an underscore before their name help them. Its parameters say what
it needs: a group of the recipe by name (``lora``, ``train``, …), ``recipe``, ``targets``, or
``modules``, which finds the base model, ``gpu``, the one that is trained on. Reading an unknown
field makes the fact unknown, with the field's reason.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from weakref import proxy

from lora_advisor import stored
from lora_advisor.models.lookup import Lookup
from lora_advisor.recipe import FIELDS, GROUPS, UNKNOWN, UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.gpus import Gpu
    from lora_advisor.recipe import Recipe, Value
    from lora_advisor.targets import Targets

_OPTIONAL: Final = frozenset(
    name for name, annotation in FIELDS.items() if annotation.endswith("| None")
)


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """Return every fact by its name, ``group.fact``."""
    found: dict[str, Callable[..., Any]] = {}
    for module_info in pkgutil.iter_modules(__path__):
        if module_info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        group = module_info.name.partition("_")[0]
        for name, function in vars(module).items():
            if _is_fact(name, function, module.__name__):
                found[f"{group}.{name}"] = function
    return found


def _is_fact(name: str, value: object, module: str) -> bool:
    return (
        not name.startswith("_")
        and callable(value)
        and hasattr(value, "__code__")
        and getattr(value, "__module__", "") == module
    )


@cache
def _modules() -> dict[str, str]:
    """Return the module of every fact as a build stored it, nothing in a checkout."""
    return stored.part("facts") or {}


def modules() -> dict[str, str]:
    """Import every module of this package to find each fact's."""
    return {name: fact.__module__.rpartition(".")[2] for name, fact in functions().items()}


def is_fact(name: str) -> bool:
    """Whether there is a fact of that name."""
    return name in (_modules() or functions())


@cache
def _asked(name: str) -> tuple[Callable[..., Any], tuple[str, ...], dict[str, None]]:
    """Return the function of a fact, what it is given, and what of that is no group of fields.

    Only the fact's own module is imported.
    """
    known = _modules()
    module = importlib.import_module(f"{__name__}.{known[name]}") if known else None
    function = vars(module)[name.partition(".")[2]] if module else functions()[name]
    code = function.__code__
    given = code.co_varnames[: code.co_argcount]
    return function, given, {part: None for part in given if part not in GROUPS}


class Facts:
    """The values of one recipe, written and derived, each found at most once.

    ``reads`` remembers which fields the last question touched: they are the finding's related
    places; what facts were given besides (``recipe``, ``modules``) is among them. ``reasons`` says
    why what was asked is unknown.
    """

    def __init__(
        self,
        recipe: Recipe,
        targets: Targets,
        ignores: object = None,
        modules: Lookup | None = None,
        gpu: Gpu | None = None,
    ) -> None:
        self.recipe = recipe
        self.targets = targets
        self.reads: dict[str, None] = {}
        self.reasons: dict[str, None] = {}
        self._memory: dict[str, tuple[object, dict[str, None], str]] = {}
        self._context: dict[str, object] = {
            **{group: _Group(proxy(self), group) for group in GROUPS},  # no circle to be found
            "recipe": recipe,
            "targets": targets,
            "ignores": ignores,
            "modules": modules if modules is not None else Lookup(),
            "gpu": gpu,
        }

    def get(self, name: str) -> object:
        """Return a field's value or a fact, UNKNOWN when it cannot be known."""
        if name in FIELDS:
            self.reads[name] = None
            value = self.recipe.values.get(name)
            if value is None or value.value is UNKNOWN or not value.fits:
                return self._unknown(name, value)
            return value.value
        fact, reads, why = self._memory.get(name) or self.derived(name)
        self.reads.update(reads)
        if why:
            self.reasons[why] = None
        return fact

    def derived(self, name: str) -> tuple[object, dict[str, None], str]:
        """Return a fact, the fields it read, and why it is unknown if it is."""
        found = self._memory.get(name)
        if found is None:
            found = self._memory[name] = self._derive(name)
        return found

    def about(self, function: str, name: str) -> object:
        """Answer ``written(field)`` and ``known(field)`` of the condition language."""
        if name not in FIELDS:
            return self.get(name) is not UNKNOWN
        self.reads[name] = None
        value = self.recipe.values.get(name)
        if function == "written":
            return value is not None and value.written
        return value is not None and value.value is not UNKNOWN and value.fits

    def forget_reads(self) -> None:
        """Start a new question."""
        self.reads = {}
        self.reasons = {}

    def field(self, name: str) -> object:
        """Return a field's value for a fact; raise :class:`UnknownValueError` with the reason."""
        self.reads[name] = None
        value = self.recipe.values.get(name)
        if value is None:
            raise UnknownValueError
        if value.value is UNKNOWN or not value.fits:
            raise UnknownValueError(reason(name, value))
        if value.value is None and name not in _OPTIONAL:
            if not value.written and not name.startswith("model."):
                raise UnknownValueError  # there is none, and nobody asked for one
            raise UnknownValueError(f"{_key(name, value) or name.partition('.')[2]} is not set")
        return value.value

    def _unknown(self, name: str, value: Value | None) -> object:
        """Remember why a field's value cannot be used."""
        why = reason(name, value) if value is not None else ""
        if why:
            self.reasons[why] = None
        return UNKNOWN

    def _derive(self, name: str) -> tuple[object, dict[str, None], str]:
        function, given, besides = _asked(name)
        context = self._context
        outer, self.reads = self.reads, besides.copy()
        try:
            return function(*[context[part] for part in given]), self.reads, ""
        except UnknownValueError as error:
            return UNKNOWN, self.reads, str(error)
        finally:
            self.reads = outer


class _Group:
    """A group of the recipe as a fact sees it: plain values, or an UnknownValueError."""

    __slots__ = ("_facts", "_name")

    def __init__(self, facts: Facts, name: str) -> None:
        self._facts = facts
        self._name = name

    def __getattr__(self, field: str) -> object:
        return self._facts.field(f"{self._name}.{field}")


def reason(name: str, value: Value) -> str:
    """Say why a field's value cannot be used; empty when there is nothing a user could do."""
    if not value.fits:
        return f"{value.key} has a value of another type"
    key = _key(name, value)
    return f"{key}: {value.why}" if value.why and key else value.why


def _key(name: str, value: Value) -> str:
    """Return the user's key of a field, empty where the format has none."""
    return value.key if value.written or value.key != name else ""
