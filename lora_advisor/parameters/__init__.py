"""The parameter pages behind ``lora-advisor explain PARAMETER``.

One YAML file per parameter, named after it; the loader reads a file only when its page is asked
for, so importing this module costs nothing but the standard library.
"""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path
from typing import Any

from lora_advisor.record import record

FOLDER = Path(__file__).parent


@record
class Default:
    """What one framework uses when the key is not written; ``value`` None means no default."""

    framework: str
    key: str
    value: object
    source: str
    note: str = ""


@record
class Source:
    """A paper, documentation page or source file that a page rests on."""

    title: str
    url: str


@record
class Parameter:
    """One page: what a parameter does, which way it pulls, and how to choose it.

    ``field`` is the canonical field (``lora.r``). ``higher`` and ``lower`` are headed by their
    labels, since for a switch or a module they say what on and off do. ``rules`` is empty in the
    files: the rules that read the field are found by the program.
    """

    name: str
    field: str
    aliases: tuple[str, ...]
    title: str
    what: str
    higher: str
    lower: str
    advice: str
    defaults: tuple[Default, ...]
    related: tuple[str, ...]
    rules: tuple[str, ...]
    sources: tuple[Source, ...]
    higher_label: str = "A higher value"
    lower_label: str = "A lower value"


def names() -> list[str]:
    """Every parameter that has a page, sorted; reads the folder, none of the files."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str) -> Parameter | None:
    """Give the page of a parameter by its name or an alias, or None if there is none.

    Case does not matter, ``-`` reads as ``_``, and a leading group (``lora.r``) is dropped.
    """
    key = _key(name)
    if key in names():
        return _page(key)
    page = _aliases().get(key)
    return None if page is None else _page(page)


def suggest(name: str, limit: int = 3) -> list[str]:
    """Give up to ``limit`` names and aliases that resemble a name without a page."""
    return difflib.get_close_matches(_key(name), [*names(), *_aliases()], n=limit, cutoff=0.6)


def _key(name: str) -> str:
    return name.strip().rpartition(".")[2].replace("-", "_").lower()


@cache
def _aliases() -> dict[str, str]:
    return {_key(alias): name for name in names() for alias in _page(name).aliases}


@cache
def _page(name: str) -> Parameter:
    raw = _read(FOLDER / f"{name}.yaml")
    return Parameter(
        **{
            **raw,
            "aliases": tuple(raw["aliases"]),
            "defaults": tuple(Default(**default) for default in raw["defaults"]),
            "related": tuple(raw["related"]),
            "rules": tuple(raw["rules"]),
            "sources": tuple(Source(**source) for source in raw["sources"]),
        }
    )


def _read(path: Path) -> dict[str, Any]:
    import yaml  # only an explain command pays for it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    page: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
    return page
