"""Published models by their ids on the Hub: those of the catalogue, their mirrors, and more."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from lora_advisor.models import catalogue, families
from lora_advisor.pattern import pattern

_PUBLISHED: Final = Path(__file__).with_name("published.json")
_STORED: Final = pattern(r"(-unsloth)?-bnb-4bit$")
_TUNED: Final = pattern(r"^meta-(?=llama-3)|-(instruct|it|chat|base|pt)(?=-|$)")


@cache
def _known() -> dict[str, tuple[str, str]]:
    """Map ids in lower case to ids and model types."""
    return {name.lower(): (name, kind) for name, kind in catalogue.index()["ids"].items()}


@cache
def _by_last_name() -> dict[str, str]:
    """Map names without publisher and without what training left them with to ids."""
    return {plain(name.partition("/")[2]): name for name in _known()}


@cache
def _published() -> dict[str, dict[str, Any]]:
    """Map ids, without what training left the models with, to configs that say sizes only."""
    found: dict[str, dict[str, Any]] = json.loads(_PUBLISHED.read_text(encoding="utf-8"))
    return found


def entry_of(name: str) -> tuple[dict[str, Any] | None, bool]:
    """Return the catalogue's model of an id, and whether it is that model, not a kin of its size.

    Kin are a publisher's base and instruct versions of one model, and the mirrors of both.
    """
    wanted = name.lower()
    if wanted in _known():
        return _entry(wanted), True
    publisher, _, last = wanted.partition("/")
    kin = _by_last_name().get(plain(last))
    if kin is None or not families.mirrored(publisher, kin.partition("/")[0]):
        return None, False
    return _entry(kin), False


def _entry(wanted: str) -> dict[str, Any]:
    name, kind = _known()[wanted]
    return next(entry for entry in catalogue.models(kind) if entry["id"] == name)


def published_of(name: str) -> tuple[str, dict[str, Any]] | None:
    """Return a published model's id and its sizes as a config, None where they are not known."""
    publisher, _, last = name.lower().partition("/")
    own = f"{publisher}/{plain(last)}"
    if own in _published():
        return own, _published()[own]
    if publisher not in families.MIRRORS:
        return None
    copied = (key for key in _published() if key.endswith(f"/{plain(last)}"))
    original = next((k for k in copied if families.mirrored(publisher, k.partition("/")[0])), None)
    return (original, _published()[original]) if original is not None else None


def family_of(name: str) -> dict[str, Any] | None:
    """Return what the config of a published model says for sure, None for no known family."""
    return families.family_of(_STORED.sub("", name.lower()))


def plain(last: str) -> str:
    """Strip a name of what training left the model with, and of how it is stored."""
    return _TUNED.sub("", _STORED.sub("", last))
