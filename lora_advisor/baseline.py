"""Known findings: written once, left out of later reports, until their value changes.

An entry is a rule, a file, the config path and the value it speaks of, so that it holds when lines
move, and not when the value is another one.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lora_advisor.paths import absolute
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.findings import Finding, Report

NAME: Final = ".lora-advisor-baseline.json"
VERSION: Final = 1


class BaselineError(Exception):
    """A baseline that cannot be used; the message names the file."""


class Known(NamedTuple):
    """One accepted finding; ``file`` counts from the folder of the baseline, with slashes."""

    file: str
    rule: str
    path: str
    value: str


def known(finding: Finding, base: Path) -> Known:
    """Return what a finding is known by in a baseline that lies in the folder ``base``."""
    file = os.path.relpath(absolute(finding.place.file), absolute(base))
    value = json.dumps(finding.value, sort_keys=True, default=str, ensure_ascii=False)
    return Known(Path(file).as_posix(), finding.name, finding.path, value)


def read(path: Path) -> Counter[Known]:
    """Read a baseline; :class:`BaselineError` says what is wrong with it."""
    try:
        data = json.loads(path.read_text("utf-8"))
        entries = [_entry(item) for item in data["findings"]]
    except OSError as error:
        hint = " (lora-advisor baseline writes it)" if isinstance(error, FileNotFoundError) else ""
        raise BaselineError(f"{path}: {error.strerror}{hint}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BaselineError(f"{path}: not a baseline of lora-advisor ({error!r})") from None
    if data.get("version") != VERSION:
        raise BaselineError(f"{path}: version {data.get('version')} of baselines is not known")
    return Counter(entries)


def _entry(item: dict[str, Any]) -> Known:
    value = json.dumps(item["value"], sort_keys=True, ensure_ascii=False)
    return Known(str(item["file"]), str(item["rule"]), str(item["path"]), value)


def write(path: Path, entries: Iterable[Known]) -> None:
    """Write a baseline, sorted, one entry a line, so that merges are easy to read."""
    rows = ({**entry._asdict(), "value": json.loads(entry.value)} for entry in sorted(entries))
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
    body = f"\n{lines}\n " if lines else ""
    text = f'{{\n "version": {VERSION},\n "findings": [{body}]\n}}\n'
    path.write_text(text, "utf-8", newline="\n")


def without_known(report: Report, path: Path) -> tuple[Report, int, Counter[Known]]:
    """Leave known findings out: the report, how many were left out, and entries that are gone."""
    rest = read(path)
    kept = []
    for finding in report.findings:
        entry = known(finding, path.parent)
        if rest[entry] > 0:
            rest[entry] -= 1
        else:
            kept.append(finding)
    left_out = len(report.findings) - len(kept)
    return replace(report, findings=tuple(kept)), left_out, _gone(+rest, report.read, path.parent)


def _gone(entries: Counter[Known], checked: Iterable[str], base: Path) -> Counter[Known]:
    """Keep the entries of files that this run has looked at, or that are gone."""
    files = {Path(os.path.relpath(absolute(file), absolute(base))).as_posix() for file in checked}
    gone = (e for e in entries if e.file in files or not (base / e.file).exists())
    return Counter({entry: entries[entry] for entry in gone})
