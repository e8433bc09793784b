"""From one snapshot per release to `since` and `until` per key, and the JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from packaging.version import Version

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Class:
    """One configuration class as one release defines it."""

    module: str
    bases: list[str]
    fields: dict[str, dict[str, object]]


Snapshot = dict[str, Class]


def unread_between_changes(history: dict[str, Snapshot], releases: list[str]) -> list[str]:
    """Releases between two neighbours read so far whose keys differ."""
    unread: list[str] = []
    for before, after in pairwise(history):
        if _names(history[before]) != _names(history[after]):
            unread += [n for n in releases if Version(before) < Version(n) < Version(after)]
    return unread


def fold(history: dict[str, Snapshot]) -> dict[str, Any]:
    """Each class ever seen, described as in the newest release that has it."""
    labels = sorted({label for snapshot in history.values() for label in snapshot})
    folded = {label: _fold_class(history, label) for label in labels}
    for body in folded.values():
        for key in body["keys"].values():
            models = [name for name in key.pop("models", ()) if name in folded]
            key.update({"models": models} if models else {})
    return folded


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the JSON with one key per line, so that a change shows as one changed line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {name: value for name, value in content.items() if name != "classes"}
    lines = [f" {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
    blocks = [_block(name, body) for name, body in content["classes"].items()]
    text = "\n".join(["{", *lines, ' "classes": {', ",\n".join(blocks), " }", "}", ""])
    path.write_text(text, "utf-8")


def _block(name: str, body: dict[str, Any]) -> str:
    head = {part: value for part, value in body.items() if part != "keys"}
    keys = [f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in body["keys"].items()]
    opening = json.dumps(head)[:-1] + (", " if head else "") + '"keys": {'
    return f"  {json.dumps(name)}: {opening}\n" + ",\n".join(keys) + "\n  }}"


def _fold_class(history: dict[str, Snapshot], label: str) -> dict[str, Any]:
    versions = list(history)
    having = {v: snapshot[label] for v, snapshot in history.items() if label in snapshot}
    newest = having[list(having)[-1]]
    span = _span(versions, list(having))
    names = sorted({name for found in having.values() for name in found.fields})
    keys = {name: _fold_key(versions, having, name, span) for name in names}
    bases = list(dict.fromkeys(newest.bases))
    return {"module": newest.module, "bases": bases, **span, "keys": keys}


def _fold_key(
    versions: list[str], having: dict[str, Class], name: str, outer: dict[str, str]
) -> dict[str, object]:
    present = [version for version, found in having.items() if name in found.fields]
    span = _span(versions, present)
    own = {part: version for part, version in span.items() if outer.get(part) != version}
    return own | _gap(list(having), present) | dict(having[present[-1]].fields[name])


def _span(versions: list[str], present: list[str]) -> dict[str, str]:
    """`since` unless in the oldest release read, `until` unless still in the newest."""
    first, last = versions.index(present[0]), versions.index(present[-1])
    since = {"since": present[0]} if first else {}
    return since | ({"until": versions[last + 1]} if last + 1 < len(versions) else {})


def _gap(having: list[str], present: list[str]) -> dict[str, object]:
    """Releases between since and until that lack the key: [first without, first with again]."""
    inside = having[having.index(present[0]) : having.index(present[-1]) + 1]
    missing = [version for version in inside if version not in present]
    return {"missing": [missing[0], missing[-1]]} if missing else {}


def _names(snapshot: Snapshot) -> dict[str, list[str]]:
    return {label: sorted(found.fields) for label, found in snapshot.items()}
