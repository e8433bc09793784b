"""Facts of the data that a LLaMA-Factory config names, as its ``dataset_info.json`` describes it.

Source: ``llamafactory.data.parser``, ``loader`` and ``converter`` of release 0.9.5.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor import paths
from lora_advisor.facts._arguments import in_script, item
from lora_advisor.facts._memory import of_last_recipe
from lora_advisor.facts._written import key_at, value_at
from lora_advisor.frameworks.interface import comma_list
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lora_advisor.recipe import Recipe, WrittenKey

_NAMING: Final = ("dataset", "eval_dataset")
_ELSEWHERE: Final = pattern(r"ONLINE|REMOTE:.*|[a-z\d]+://.*")
"""Folders of data that are none of this machine."""
_FILE: Final = pattern(r"(?:.*/)?[^/]*\.(?:jsonl?|csv|txt|parquet|arrow)|(?:/|\.{1,2}/).*")
_RANKED_STAGES: Final = frozenset({"rm", "dpo"})
_READ: Final = frozenset(
    {"prompt", "query", "response", "history", "messages", "system", "tools", "images", "videos"}
    | {"audios", "chosen", "rejected", "kto_tag"}
)
"""Names that ``columns`` may have; any other is passed over."""
_MEANT: Final = {"instruction": "prompt", "input": "query", "output": "response"}


@record
class Named(Item):
    """A name of a data set; ``file`` is what describes it, ``stage`` what it is to train."""

    file: str = ""
    stage: str = ""


@record
class _Registry:
    """A ``dataset_info.json``: its name, its entries, and whether a key states its folder."""

    shown: str
    entries: Mapping[str, Any]
    stated: bool


def files_as_names(recipe: Recipe) -> tuple[Item, ...]:
    """Data sets that are paths, where LLaMA-Factory wants names of ``dataset_info.json``."""
    registry = _registry(recipe)
    known = registry.entries if registry is not None else {}
    named = () if _is_elsewhere(recipe) else _named(recipe)
    return tuple(
        item(key, name, Path(name).stem)
        for key, name in named
        if _FILE.fullmatch(name) and name not in known
    )


def undeclared(recipe: Recipe) -> tuple[Named, ...]:
    """Data sets that the ``dataset_info.json`` of the folder which the config states lacks."""
    registry = _registry(recipe)
    if registry is None or not registry.stated:
        return ()
    return tuple(
        _item(key, name, registry, near=", ".join(sorted(registry.entries)[:3]))
        for key, name in _named(recipe)
        if name not in registry.entries and not _FILE.fullmatch(name)
    )


def of_another_stage(recipe: Recipe) -> tuple[Named, ...]:
    """Data sets that are ranked where answers are trained, or are not where they are compared."""
    stage = _known(recipe, "stage") if key_at(recipe, "stage") is not None else "sft"
    return tuple(
        _item(key, name, registry, str(stage))
        for key, name, registry, entry in _described(recipe)
        if stage is not None and (entry.get("ranking") is True) is not (stage in _RANKED_STAGES)
    )


def unread_columns(recipe: Recipe) -> tuple[Named, ...]:
    """Columns under names that are not read, so that the data's own are not found."""
    found = []
    for key, name, registry, entry in _described(recipe):
        columns = entry.get("columns")
        written = columns if isinstance(columns, dict) else {}
        odd = next((n for n, v in written.items() if n not in _READ and n != v), None)
        if odd is not None:
            found.append(_item(key, name, registry, _meant(odd, entry), near=odd))
    return tuple(found)


def _meant(odd: str, entry: Mapping[str, Any]) -> str:
    if odd == "output" and entry.get("ranking") is True:
        return "chosen"
    return _MEANT.get(odd, "")


def _item(
    key: WrittenKey, name: str, registry: _Registry, stage: str = "", near: str = ""
) -> Named:
    return Named(
        path=key.path, at=key.value_at, value=name, hint=near, file=registry.shown, stage=stage
    )


def _described(
    recipe: Recipe,
) -> Iterator[tuple[WrittenKey, str, _Registry, Mapping[str, Any]]]:
    """Yield the data sets that the registry has an entry for."""
    registry = _registry(recipe)
    if registry is None:
        return
    for key, name in _named(recipe):
        entry = registry.entries.get(name)
        if isinstance(entry, dict):
            yield key, name, registry, entry


def _named(recipe: Recipe) -> Iterator[tuple[WrittenKey, str]]:
    """Yield the names of data sets, each with the key it stands under."""
    for path in _NAMING:
        key, names = key_at(recipe, path), comma_list(_known(recipe, path))
        if key is not None and isinstance(names, list):
            yield from ((key, name) for name in names if isinstance(name, str))


def _known(recipe: Recipe, path: str) -> object:
    """Return what stands under a path, None where it is not written or filled in later."""
    try:
        return value_at(recipe, path) if key_at(recipe, path) is not None else None
    except UnknownValueError:
        return None


def _is_elsewhere(recipe: Recipe) -> bool:
    """Whether the names are not of this machine, or whose is filled in later."""
    if key_at(recipe, "dataset_dir") is None:
        return False
    folder = _known(recipe, "dataset_dir")
    return not isinstance(folder, str) or _ELSEWHERE.fullmatch(folder) is not None


@of_last_recipe
def _registry(recipe: Recipe) -> _Registry | None:
    """Return the nearest description of data, looked for from the config's folder upwards.

    LLaMA-Factory starts at its current folder, which is one of these.
    """
    file = paths.absolute(recipe.document.path)
    if in_script(recipe) or recipe.framework != "llamafactory" or _is_elsewhere(recipe):
        return None
    folder = _known(recipe, "dataset_dir")
    for above in paths.upwards(file.parent) if file.is_file() else ():
        found = above / str(folder or "data") / "dataset_info.json"
        entries = _read(found)
        if entries is not None:
            return _Registry(shown=paths.shown(found), entries=entries, stated=folder is not None)
    return None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return _content(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=8)
def _content(path: Path, _changed: int) -> dict[str, Any] | None:
    """Return the object in a file, read again when it has changed."""
    content = json.loads(path.read_text("utf-8"))
    return content if isinstance(content, dict) else None
