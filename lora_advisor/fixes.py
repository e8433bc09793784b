"""Repairs carried out: each one is tried, read again and checked again before it is kept."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from lora_advisor import source
from lora_advisor.checking import check_paths
from lora_advisor.findings import Severity
from lora_advisor.source.edits import (
    Edit,
    NotEditableError,
    apply,
    inserted,
    removed,
    renamed,
    replaced,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.findings import Change, Finding, Fix, Report
    from lora_advisor.settings import Settings
    from lora_advisor.source.tree import Document, Text

MOST: Final = 200
"""More repairs than this in one file are left to a second run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A repair of one finding: kept, or the reason why it was not."""

    code: str
    path: str
    line: int
    title: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A file's text before and after, the repairs that were kept, and those that were not."""

    file: str
    before: str
    after: str
    kept: tuple[Tried, ...]
    dropped: tuple[Tried, ...]

    @property
    def diff(self) -> str:
        """The change as a unified diff, empty where there is none."""
        old, new = (text.splitlines(keepends=True) for text in (self.before, self.after))
        lines = difflib.unified_diff(old, new, f"a/{self.file}", f"b/{self.file}")
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def repair(document: Text, settings: Settings, *, unsafe: bool = False) -> Repaired:
    """Carry out the repairs of every finding in one file, the safe ones or all of them.

    A repair is kept only if its finding is gone afterwards and no other problem has come.
    """
    text, report = document.text, _check(document.text, document.path, settings)
    kept: list[Tried] = []
    dropped: list[Tried] = []
    failed: set[tuple[str, str, str]] = set()
    for _ in range(MOST):
        step = _next(report, document.path, failed, unsafe=unsafe)
        if step is None:
            break
        finding, fix = step
        try:
            _, text, report = attempt(report, finding, fix, settings)
        except NotEditableError as error:
            failed.add((finding.code, finding.path, fix.title))
            dropped.append(_tried(finding, fix, str(error)))
        else:
            kept.append(_tried(finding, fix))
    return Repaired(
        file=document.path,
        before=document.text,
        after=text,
        kept=tuple(kept),
        dropped=tuple(dropped),
    )


def attempt(
    report: Report, finding: Finding, fix: Fix, settings: Settings
) -> tuple[list[Edit], str, Report]:
    """Try one repair: its edits, the text they make, and what a check then finds.

    :class:`NotEditableError` says why it is not to be carried out.
    """
    before = report.sources[finding.place.file]
    document = source.parse(before.text, before.path)
    edits = _edits(document, finding, fix)
    text = apply(document.text, edits)
    checked = _check(text, document.path, settings)
    _refuse_worse(finding, report, checked)
    return edits, text, checked


def proved(report: Report, settings: Settings) -> dict[Known, list[Edit]]:
    """Return the edits of the first repair of each finding that holds when tried."""
    files = {finding.place.file for finding in report.findings if finding.fixes}
    sources = (document for name, document in report.sources.items() if name in files)
    return {key: edits for document in sources for key, edits in _proved(document, settings)}


def _proved(document: Text, settings: Settings) -> Iterator[tuple[Known, list[Edit]]]:
    report = _check(document.text, document.path, settings)
    for finding in report.findings:
        for fix in finding.fixes if finding.place.file == document.path else ():
            try:
                edits, _, _ = attempt(report, finding, fix, settings)
            except NotEditableError:
                continue
            yield known(finding), edits
            break


class Known(NamedTuple):
    """What a finding is known by within one run."""

    file: str
    line: int
    column: int
    code: str
    path: str


def known(finding: Finding) -> Known:
    """Return what a finding is known by within one run."""
    place = finding.place
    return Known(place.file, place.line, place.column, finding.code, finding.path)


def _check(text: str, path: str, settings: Settings) -> Report:
    """Check a text as the file it is to become: with its companions, models and versions."""
    return check_paths((), settings, stdin=(text.encode(), path))


def _next(
    report: Report, path: str, failed: set[tuple[str, str, str]], *, unsafe: bool
) -> tuple[Finding, Fix] | None:
    """Return the first repair that may be carried out and has not failed."""
    for finding in report.findings:
        for fix in finding.fixes:
            allowed = fix.changes and (unsafe or fix.safety == "safe")
            known = (finding.code, finding.path, fix.title) in failed
            if allowed and not known and finding.place.file == path:
                return finding, fix
    return None


def _edits(document: Document, finding: Finding, fix: Fix) -> list[Edit]:
    near = document.offset(finding.place.line, finding.place.column)
    return [_edit(document, change, near) for change in fix.changes]


def _edit(document: Document, change: Change, near: int) -> Edit:
    if change.key_at is None:
        if change.value is None:
            raise NotEditableError(f"{change.key!r} is not written here")
        return inserted(document, change.key, change.value, near)
    if change.key_at.file != document.path:
        raise NotEditableError(f"{change.key!r} stands in {change.key_at.file}")
    if change.name is not None:
        return renamed(document, change.key_at.span, change.name)
    if change.value is None:
        return removed(document, change.key_at.span)
    at = change.value_at.span if change.value_at else value_of(document, change.key_at.span)
    return replaced(document, at, change.value)


def _refuse_worse(finding: Finding, before: Report, after: Report) -> None:
    """Raise unless the finding is gone and every other one was there before.

    Advice that comes to light with the repair of an error or a warning is no reason against it.
    """
    if after.failures:
        raise NotEditableError("the file could not be read any more")
    old, new = (Counter((f.code, f.path) for f in report.findings) for report in (before, after))
    own = (finding.code, finding.path)
    if new[own] >= old[own]:
        raise NotEditableError("the problem would still be there")
    told = {(f.code, f.path): f.severity for f in after.findings}
    come = [key for key in new - old if told[key] >= min(finding.severity, Severity.WARNING)]
    if come:
        codes = ", ".join(sorted({code for code, _ in come}))
        raise NotEditableError(f"it would bring another problem ({codes})")


def _tried(finding: Finding, fix: Fix, reason: str = "") -> Tried:
    return Tried(
        code=finding.code,
        path=finding.path,
        line=finding.place.line,
        title=fix.title,
        reason=reason,
    )


def save(repaired: Repaired) -> None:
    """Write a repaired text over its file in one step, in the file's own encoding.

    Raises:
        OSError: The file cannot be written, or has changed since it was read.
    """
    from lora_advisor.source.writing import overwrite

    overwrite(Path(repaired.file), repaired.before, repaired.after)
