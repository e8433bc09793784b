"""Facts of arguments that some releases of a library have and others have not."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from lora_advisor.facts import _project
from lora_advisor.facts._arguments import reader_of
from lora_advisor.facts._releases import may_reach
from lora_advisor.frameworks import by_name, schemas
from lora_advisor.frameworks.known import outcome_of, placed_keys
from lora_advisor.recipe import Item
from lora_advisor.record import record
from lora_advisor.source.scalars import plain_value
from lora_advisor.source.tree import Scalar
from lora_advisor.targets import CURRENT, OWN_CHECKOUT, Target, from_requirement, holds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.recipe import Recipe, WrittenKey
    from lora_advisor.targets import Targets


_HANDBOOK: Final = "dataset_mixer"
"""Key of alignment-handbook's first scripts, whose own arguments TRL took over later."""
_GENERATIONS: Final = frozenset({"ms-swift"})
"""Formats whose older releases are in wide use, each with names of its own."""


@record
class DatedKey(Item):
    """An argument that the releases in use do not take, or may not take.

    ``package`` had it from release ``since`` on, and no longer from ``until``; ``sure`` says that
    every release in use lacks it, ``used`` names the one that was assumed. ``successor`` and
    ``note`` say what to write instead, ``outcome`` what the loader does with it; ``empty`` is the
    key that says nothing: null, false or nothing in it.
    """

    package: str
    outcome: str
    sure: bool
    used: str
    since: str = ""
    until: str = ""
    successor: str = ""
    note: str = ""
    empty: bool = False

    @property
    def effect(self) -> str:
        """What becomes of an argument that is gone."""
        drops = self.outcome == "drops"
        return "it is left out or refused" if drops else "the run stops before it starts"

    @property
    def remedy(self) -> str:
        """What to do about an argument that is gone, or may be."""
        advice = f"Write `{self.successor}`" if self.successor else "Remove it"
        note = f" ({self.note})" if self.note else ""
        told = f", or name an older release with `--target {self.package}=…`"
        return advice + note + ("" if self.sure else told)


def removed_arguments(recipe: Recipe, targets: Targets) -> tuple[DatedKey, ...]:
    """Written arguments that the newest release in use no longer has.

    A null that is dropped loses nothing. A file in the words of an older generation, whose release
    nobody tells, is left to :func:`superseded_arguments`.
    """
    found = _removed(recipe, targets)
    spared = recipe.framework in _GENERATIONS
    return tuple(
        key
        for key in found
        if (key.outcome != "drops" or not key.empty)
        and (key.sure or not spared)
        and not (recipe.framework == "axolotl" and key.path == "fsdp")  # the rule on FSDP 1 tells
    )


def superseded_arguments(recipe: Recipe, targets: Targets) -> tuple[DatedKey, ...]:
    """Return the first argument of an older generation, where that generation may be in use."""
    if recipe.framework not in _GENERATIONS:
        return ()
    return tuple(key for key in _removed(recipe, targets) if not key.sure)[:1]


def _removed(recipe: Recipe, targets: Targets) -> tuple[DatedKey, ...]:
    return tuple(
        _dated(key, entry, target, framework)
        for key, entry, target, framework in _entries(recipe, targets, "until")
        if entry.until and not _older(target.high, entry.until) and not _is_own(recipe, key.name)
        if entry.package != "trl" or may_reach("trl", entry.until, targets)
    )


def future_arguments(recipe: Recipe, targets: Targets) -> tuple[DatedKey, ...]:
    """Written arguments that came with a newer release than any that is stated to be in use."""
    if not targets.known:
        return ()
    entries = (*_entries(recipe, targets, "since"), *_handed_to_peft(recipe, targets))
    return tuple(
        _dated(key, entry, target, framework)
        for key, entry, target, framework in entries
        if entry.since and _older(target.high, entry.since) and not _is_own(recipe, key.name)
        if target.source not in ("current", OWN_CHECKOUT)
        if not _came_from_handbook(recipe, entry)
    )


def _came_from_handbook(recipe: Recipe, entry: schemas.Key) -> bool:
    """Whether a file of alignment-handbook's has an argument that came to TRL from there."""
    return entry.package == "trl" and any(key.path == _HANDBOOK for key in recipe.keys)


def transformers_assumed(targets: Targets) -> bool:
    """Whether nobody tells the release of transformers, so that the current one is assumed."""
    return "transformers" not in targets.known


def _handed_to_peft(
    recipe: Recipe, targets: Targets
) -> Iterator[tuple[WrittenKey, schemas.Key, Target, Framework]]:
    """Yield keys of a framework's own that it hands on to LoraConfig, where PEFT is pinned."""
    framework = by_name(recipe.framework)
    if framework is None or "peft" not in targets.known or recipe.document.format == "python":
        return
    arguments = schemas.keys("peft", "LoraConfig")
    for key in recipe.keys if framework.name not in ("peft", "peft-other") else ():
        group, _, name = (key.field or "").partition(".")
        if group == "lora" and name in arguments and recipe[f"lora.{name}"].value:
            yield key, arguments[name], targets.get("peft"), framework


def reader_stops(targets: Targets) -> bool:
    """Whether the PEFT in use raises at a key of adapter_config.json that it does not know.

    Since 0.14 it warns and goes on. Source: ``peft.config.PeftConfigMixin.from_peft_type``.
    """
    return _older(targets.get("peft").high, "0.14.0")


def _entries(
    recipe: Recipe, targets: Targets, dated: str
) -> Iterator[tuple[WrittenKey, schemas.Key, Target, Framework]]:
    framework = reader_of(recipe)
    if framework is None:
        return
    for key, here in placed_keys(recipe, framework, recipe["train.method"].value):
        entry = here.get(key.name)
        if getattr(entry, dated, None) and entry and key.name not in framework.extra:
            target = _target(entry.package, framework, targets)
            if target is not None:
                yield key, entry, target, framework


def _is_own(recipe: Recipe, name: str) -> bool:
    """Whether a program of the project's own takes the key, or ms-swift wrote the file itself."""
    if recipe.framework == "ms-swift" and any(key.name == "swift_version" for key in recipe.keys):
        return True
    return recipe.document.format != "python" and _project.declares(recipe.document, name)


def _target(package: str, framework: Framework, targets: Targets) -> Target | None:
    """Return the releases of a library in use: told, or those that the framework asks for.

    A project that only says how old a library may be leaves the rest to the framework.
    """
    above = "trl" if framework.name == "trl-python" else framework.package
    told = targets.get(package)
    if told.source != "current" or above in ("", package):
        return told
    asked = _asked(package, above, targets)
    return told if asked and told.low and _older(asked.high, told.low) else asked


def _asked(package: str, above: str, targets: Targets) -> Target | None:
    """Return the releases of a library that the framework above it asks for.

    None when a framework of an older release is in use and does not bound the library.
    """
    told = targets.get(package)
    own = targets.get(above)
    stated = above in targets.known
    newest = _wanted(above, own.high, package)
    if not stated or newest is None:
        low, source = None, "current"
    else:
        oldest = _wanted(above, own.low, package) if own.low else None
        low, source = oldest.low if oldest else None, newest.source
    high = newest.high if newest is not None else told.high
    if stated and (newest is None or high == CURRENT.get(package)):
        return told if package in targets.known and own.source == "current" else None
    return Target(low=told.low or low, high=high, source=source)


@cache
def _wanted(framework: str, version: str, package: str) -> Target | None:
    """Return the releases of a library that a release of a framework asks for.

    The one exact bound that most of them state is read without the slow reader of requirements.
    """
    current = version == CURRENT.get(framework)
    text = schemas.required_range(framework, None if current else version, package)
    if not text:
        return None
    exact = re.search(r"(?:<=|==)([0-9.]+)(?=,|$)", text)
    if current and exact is not None:
        high = exact.group(1)
        low = high if exact.group().startswith("==") else None
        return Target(low=low, high=high, source=framework)
    found = from_requirement(f"{package}{text}", framework)
    return found[1] if found is not None else None


def _dated(key: WrittenKey, entry: schemas.Key, target: Target, framework: Framework) -> DatedKey:
    rename = schemas.rename(entry.package, key.name)
    bound = target.low if entry.until and not _older(target.high, entry.until) else target.high
    return DatedKey(
        path=key.path,
        at=key.key_at,
        value=key.node.text if isinstance(key.node, Scalar) else None,
        package=entry.package,
        outcome=outcome_of(key, framework),
        sure=bound is not None and not schemas.known_in(entry, bound),
        used=target.release,
        since=entry.since or "",
        until=entry.until or "",
        successor=(rename.to or "") if rename is not None else "",
        note=rename.note if rename is not None else "",
        empty=not plain_value(key.node, framework.scalars),
    )


def _older(version: str, than: str) -> bool:
    return holds(f"<{than}", version)
