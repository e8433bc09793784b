"""What a config means: every value with where it comes from, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lora_advisor import frameworks, source
from lora_advisor.facts import Facts, functions, reason
from lora_advisor.frameworks.companions import launched, link
from lora_advisor.gather import gather, read_as
from lora_advisor.judge import place_of
from lora_advisor.models.lookup import Lookup
from lora_advisor.recipe import FIELDS, GROUPS, UNKNOWN, Item, UnknownValueError
from lora_advisor.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lora_advisor.discover import Discovery
    from lora_advisor.findings import Place
    from lora_advisor.models.memory import Estimate
    from lora_advisor.recipe import Recipe, Value
    from lora_advisor.targets import Targets

NEEDS: Final = frozenset({*GROUPS, "recipe", "targets", "modules"})
"""What a derived fact may ask for; other functions of the modules are helpers."""
NUMBERS: Final = ("int", "float", "int | None", "float | None")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Explained:
    """One canonical field: its value, or why it is unknown; ``place`` where it is written."""

    field: str
    key: str
    value: object
    known: bool
    origin: str
    place: Place | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Derived:
    """One fact that follows from ``fields``: a number, or an answer that rules ask for."""

    name: str
    title: str
    value: object
    known: bool
    is_number: bool
    why: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Explanation:
    """The meaning of one config, and the library releases it is explained for.

    ``memory`` is what it needs on a GPU by parts, None unless it was asked for and is known.
    """

    file: str
    framework: str
    title: str
    evidence: str
    assumed: tuple[tuple[str, str], ...]
    values: tuple[Explained, ...]
    derived: tuple[Derived, ...]
    memory: Estimate | None = None


def explain(
    text: str | bytes, path: str, settings: Settings | None = None
) -> tuple[Explanation, ...]:
    """Explain the configs of one text; ``path`` names it and tells its syntax.

    Raises:
        SourceError: The text cannot be read in that syntax.
    """
    settings = settings or Settings()
    recipes = link(read_as(source.parse(text, path), settings))
    return tuple(
        explain_recipe(launched(recipe, settings.processes), settings.targets, settings)
        for recipe in recipes
    )


def explain_paths(
    named: Iterable[str | Path], settings: Settings, *, stdin: tuple[bytes, str] | None = None
) -> tuple[tuple[Explanation, ...], Discovery]:
    """Explain the configs that the user named; also return what could not be read."""
    gathered = gather(named, settings, stdin=stdin)
    own = [
        launched(recipe, settings.processes)
        for recipe in gathered.recipes
        if recipe.document.path in gathered.discovery.named
    ]
    explained = (explain_recipe(r, gathered.targets[r.document.path], settings) for r in own)
    return tuple(explained), gathered.discovery


def explain_whole(recipe: Recipe, targets: Targets, settings: Settings) -> Explanation:
    """Explain a recipe with the parts of its memory."""
    memory = _memory(recipe, targets, settings)
    return replace(explain_recipe(recipe, targets, settings), memory=memory)


def _memory(recipe: Recipe, targets: Targets, settings: Settings) -> Estimate | None:
    from lora_advisor.facts._estimate import estimate_of  # pages only

    try:
        return estimate_of(recipe, _modules(recipe, settings), targets)
    except UnknownValueError:
        return None


def _modules(recipe: Recipe, settings: Settings) -> Lookup:
    near = Path(recipe.document.path).parent
    return Lookup(given=settings.model, near=near, builds=settings.builds, fetches=settings.fetches)


def explain_recipe(recipe: Recipe, targets: Targets, settings: Settings) -> Explanation:
    """Explain one recipe, on the base model that it or the settings name."""
    modules = _modules(recipe, settings)
    framework = frameworks.by_name(recipe.framework)
    known = ((package, targets.get(package)) for package in targets.known)
    return Explanation(
        file=recipe.document.path,
        framework=recipe.framework,
        title=framework.title if framework is not None else recipe.framework,
        evidence=recipe.evidence,
        assumed=tuple((name, f"{target.release} ({target.source})") for name, target in known),
        values=tuple(_explained(field, value) for field, value in recipe.values.items()),
        derived=tuple(derived(Facts(recipe, targets, modules=modules, gpu=settings.gpu))),
    )


def _explained(field: str, value: Value) -> Explained:
    at = value.value_at or value.key_at
    return Explained(
        field=field,
        key=value.key,
        value=None if value.value is UNKNOWN else value.value,
        known=value.value is not UNKNOWN,
        origin=value.origin.value,
        place=place_of(at) if at is not None else None,
        why=reason(field, value) if value.value is UNKNOWN or not value.fits else "",
    )


def derived(facts: Facts) -> Iterator[Derived]:
    """Yield what follows from a recipe, other than lists that rules go through."""
    for name, function in functions().items():
        if name.startswith("config.") or not _arguments(function) <= NEEDS:
            continue
        facts.forget_reads()
        value = facts.get(name)
        if not _holds_items(value):
            yield Derived(
                name=name,
                title=_title(function),
                value=None if value is UNKNOWN else value,
                known=value is not UNKNOWN,
                is_number=function.__annotations__.get("return") in NUMBERS,
                why="; ".join(facts.reasons) if value is UNKNOWN else "",
                fields=tuple(field for field in facts.reads if field in FIELDS),
            )


def _title(function: Callable[..., object]) -> str:
    """Return the first sentence of a fact's docstring, as a name of what it returns."""
    text = (function.__doc__ or "").strip().partition("\n")[0].rstrip(".").replace("``", "")
    text = text.removeprefix("Return ")
    return text[:1].upper() + text[1:]


def _arguments(function: Callable[..., object]) -> set[str]:
    code = function.__code__
    return set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def _holds_items(value: object) -> bool:
    """Whether a fact is a list that rules go through one by one."""
    return isinstance(value, (list, tuple)) and any(isinstance(item, Item) for item in value)
