"""Scores what a linter said about a case: found, missed, or a false alarm."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from case_files import Case

SEVERITIES: Mapping[str, int] = {"none": 0, "info": 1, "warning": 2, "error": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The parts of a reported finding that the score rests on."""

    code: str
    cause: str | None
    severity: str
    key: str
    path: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        blamed = self.path or self.key
        return f"{self.severity} {self.code} [{self.cause}] {blamed}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is expected of a case in one mode; without ``tags`` there is nothing to find.

    ``forbidden`` causes are alarms on the faulty side too: the fault is none any more.
    """

    tags: frozenset[str]
    forbidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a linter did on one case."""

    case: Case
    wanted: Wanted
    found: bool = False
    faulty: Sequence[Finding] = ()
    fixed: Sequence[Finding] = ()
    twin_alarms: Sequence[Finding] = ()
    clean_alarms: Sequence[Finding] = ()
    crashes: Sequence[str] = field(default=())

    @property
    def counted(self) -> bool:
        """Whether the case has a fault to find."""
        return bool(self.wanted.tags)


def read_finding(raw: Mapping[str, Any]) -> Finding:
    """Take a finding out of the JSON report; a missing ``code`` or ``severity`` raises KeyError."""
    return Finding(
        code=raw["code"],
        cause=raw.get("cause"),
        severity=raw["severity"],
        key=raw.get("key") or "",
        path=raw.get("path") or "",
        file=raw.get("file") or "",
        line=raw.get("line") or 0,
        message=" ".join(str(raw.get("message") or "").split()),
    )


def expectation(case: Case, *, current: bool) -> Wanted | None:
    """Say what the case expects with its pinned versions or the current ones; None skips it."""
    if not current:
        return Wanted(tags=frozenset(() if case.silent else case.tags))
    if case.clean:
        return None if case.env else Wanted(tags=frozenset())
    if case.today is None:
        return None
    if case.silent:
        return Wanted(tags=frozenset())
    today = frozenset(case.today)
    return Wanted(tags=today, forbidden=frozenset(case.tags) - today)


def words(name: str) -> list[str]:
    """Split a key or path into its parts, spelt alike: ``--lora-r`` and ``train[0].lora_r``."""
    parts = re.split(r"[.\[\]()/\s]+", name.replace("-", "_").lower())
    return [part.strip("_'\"") for part in parts if part.strip("_'\"")]


def names(blamed: str, wanted: str) -> bool:
    """Whether a key or path names a field: the field's parts follow each other in it."""
    parts, target = words(blamed), words(wanted)
    ends = range(len(parts) - len(target) + 1)
    return bool(target) and any(parts[at : at + len(target)] == target for at in ends)


def blames(finding: Finding, fields: Iterable[str]) -> bool:
    """Whether the finding's key or path names one of the fields."""
    return any(names(finding.key, name) or names(finding.path, name) for name in fields)


def at_least(finding: Finding, severity: str) -> bool:
    """Whether the finding is as severe as this or more so."""
    return SEVERITIES[finding.severity] >= SEVERITIES[severity]


def is_hit(finding: Finding, case: Case, wanted: Wanted) -> bool:
    """Whether a finding names a right cause, at a right field, severely enough."""
    right_cause = finding.cause in wanted.tags
    return right_cause and blames(finding, case.fields) and at_least(finding, case.severity)


def with_causes(findings: Iterable[Finding], causes: Iterable[str]) -> list[Finding]:
    """Keep the findings with one of these causes."""
    wanted = set(causes)
    return [finding for finding in findings if finding.cause in wanted]


def loud(findings: Iterable[Finding], excused: Iterable[str] = ()) -> list[Finding]:
    """Keep errors and warnings, less those whose cause is excused."""
    pardoned = set(excused)
    severe = [finding for finding in findings if at_least(finding, "warning")]
    return [finding for finding in severe if finding.cause not in pardoned]


def score(
    case: Case,
    wanted: Wanted,
    faulty: Sequence[Finding],
    fixed: Sequence[Finding],
    crashes: Sequence[str] = (),
) -> Outcome:
    """Score the findings on both sides of a case; ``fixed`` is empty where there is no twin."""
    if case.silent:
        clean_alarms = loud([*faulty, *fixed], case.may_report)
        twin_alarms: list[Finding] = []
    else:
        clean_alarms = with_causes(faulty, wanted.forbidden)
        twin_alarms = with_causes(fixed, wanted.tags | wanted.forbidden)
    return Outcome(
        case=case,
        wanted=wanted,
        found=any(is_hit(finding, case, wanted) for finding in faulty),
        faulty=faulty,
        fixed=fixed,
        twin_alarms=twin_alarms,
        clean_alarms=clean_alarms,
        crashes=crashes,
    )
