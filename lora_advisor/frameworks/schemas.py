"""Which argument existed in which release: the data of ``keys/*.json``, read when asked for.

The files are made by ``scripts/collect_keys.py`` from the published sources; ``renames.json`` is
kept by hand from the libraries' own deprecation messages and migration guides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from functools import cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.record import record, replace
from lora_advisor.targets import holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FOLDER = Path(__file__).parent / "keys"


class Unset(Enum):
    """The default of a key that must be given, or whose default is no literal."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@record
class Key:
    """An argument of a configuration class, and the releases of `package` that know it.

    `since` is the first release with it (None: already in the oldest one looked at), `until` the
    first without it (None: still there). `type` lists int, float, bool, str, list, dict, none
    joined by "|", or is "any". `models` names the classes of the package that its value follows.
    """

    name: str
    package: str
    owner: str
    since: str | None
    until: str | None
    type: str | None
    default: object
    models: tuple[str, ...] = ()


@record
class Rename:
    """What became of an argument: `to` its successor, or None when it was only dropped.

    `refused` is the release since which an argument is declared only to be refused.
    """

    to: str | None
    note: str = ""
    refused: str | None = None


def keys(package: str, *owners: str) -> Keys:
    """All arguments that the classes `owners` ever took, those of their bases included.

    A class of another library among the bases (``transformers.TrainingArguments`` of
    ``trl.SFTConfig``) is followed; its keys carry that library's name and releases. Raises
    KeyError for a package or class that no file describes. A key is made when it is asked for.
    """
    return joined((package, owners))


@cache
def joined(*sources: tuple[str, tuple[str, ...]]) -> Keys:
    """All arguments of some packages' classes; a later package tells of one that several have."""
    return Keys(sources)


class Keys(Mapping[str, "Key"]):
    """The arguments of some classes by name; few of many hundreds are asked for."""

    def __init__(self, sources: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        self._sources = {
            name: (package, owners)
            for package, owners in sources
            for owner in owners
            for name in _names(package, owner)
        }
        self._made: dict[str, Key] = {}

    def __getitem__(self, name: str) -> Key:
        made = self._made.get(name)
        if made is None:
            package, owners = self._sources[name]
            found = [_class_key(package, owner, name) for owner in owners]
            made = reduce(_either, (key for key in found if key is not None))
            self._made[name] = made
        return made

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, quicker than any mapping does."""
        return self[name] if name in self._sources else default


def owners(package: str) -> tuple[str, ...]:
    """Names of the classes that the file of a package describes, sorted."""
    return tuple(_load(package)["classes"])


def newest(package: str) -> str:
    """The newest release that was looked at."""
    version: str = _load(package)["newest"]
    return version


def rename(package: str, name: str) -> Rename | None:
    """What became of an argument of that very package (take it from ``Key.package``)."""
    entry = _renames().get(package, {}).get(name)
    return None if entry is None else Rename(**entry)


def known_in(key: Key, version: str | None) -> bool:
    """Whether a release of ``key.package`` takes the argument; None stands for the newest."""
    if version is None:
        return key.until is None
    started = key.since is None or holds(f">={key.since}", version)
    return started and (key.until is None or holds(f"<{key.until}", version))


def required_range(package: str, version: str | None, library: str) -> str | None:
    """Range of `library` that a release asks for, e.g. ``==5.20.1``; None: not known."""
    ranges: dict[str, str] = _load(package)["requires"].get(library, {})
    if version is None:
        return list(ranges.values())[-1] if ranges else None
    fitting = [text for start, text in ranges.items() if holds(f">={start}", version)]
    return fitting[-1] if fitting else None


@cache
def _names(package: str, owner: str) -> tuple[str, ...]:
    """Return the names of a class's arguments, those of its bases first."""
    body = _load(package)["classes"][owner]
    bases = (_base(package, base) for base in body["bases"])
    return (*(name for base in bases for name in _names(*base)), *body["keys"])


def _base(package: str, base: str) -> tuple[str, str]:
    library, _, name = base.rpartition(":")
    return library or package, name


@cache
def _class_key(package: str, owner: str, name: str) -> Key | None:
    """Return an argument of a class, None if neither it nor a base has it."""
    body = _load(package)["classes"][owner]
    inherited = (_class_key(*_base(package, base), name) for base in reversed(body["bases"]))
    above = next((key for key in inherited if key is not None), None)
    entry = body["keys"].get(name)
    if entry is None:
        return above
    key = _key(package, owner, name, {"since": body.get("since"), **entry})
    key = key if key.until or "until" not in body else replace(key, until=body["until"])
    return key if above is None else _overriding(key, above)


def _key(package: str, owner: str, name: str, entry: dict[str, Any]) -> Key:
    gone = rename(package, name)
    return Key(
        name=name,
        package=package,
        owner=owner,
        since=entry.get("since"),
        until=entry.get("until") or (gone.refused if gone is not None else None),
        type=entry.get("type"),
        default=entry.get("default", UNSET),
        models=tuple(entry.get("models", ())),
    )


def _overriding(own: Key, base: Key) -> Key:
    """A key that a class and its base both declare: known where either is."""
    if own.package == base.package:
        return _either(own, base)
    if own.until is not None:
        return base
    if base.until is not None:
        return own if base.since is not None else replace(own, since=None)
    return replace(base, type=own.type, default=own.default)


def _either(one: Key, other: Key) -> Key:
    """The same argument in two classes of a config: described as in the one that still has it."""
    if one.package != other.package:
        return one if one.until is None else other
    if one.until and other.until:
        last = max(one, other, key=lambda key: _order(key.until))
    else:
        last = one if one.until is None else other
    started = one.since and other.since and min(one.since, other.since, key=_order)
    return replace(last, since=started or None)


def _order(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in (version or "0").split(".") if part.isdigit())


@cache
def _load(package: str) -> dict[str, Any]:
    path = _FOLDER / f"{package}.json"
    if not path.is_file():
        raise KeyError(package)
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


@cache
def _renames() -> dict[str, dict[str, dict[str, Any]]]:
    content: dict[str, Any] = json.loads((_FOLDER / "renames.json").read_text("utf-8"))
    return content
