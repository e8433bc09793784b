"""Writes the score of a run over the cases: a table, then every miss, alarm and crash."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from case_score import Finding, Outcome, loud
from tables import markdown_table

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = ("dialect", "detectable by", "faults", "found", "%", "twin alarms")
HEAD_SILENT = ("silent cases", "clean alarms", "crashes")


def report(outcomes: Sequence[Outcome], *, others: bool) -> str:
    """Write the score table, then every miss, alarm and crash."""
    parts = [score_table(outcomes), *misses(outcomes), *alarms(outcomes), *crashes(outcomes)]
    parts += other_findings(outcomes) if others else []
    return "\n".join(parts)


def score_table(outcomes: Sequence[Outcome]) -> str:
    """Count per dialect and kind, with a total."""
    groups = sorted({(each.case.dialect, each.case.detectable_by) for each in outcomes})
    rows = [
        [*group, *counts([o for o in outcomes if (o.case.dialect, o.case.detectable_by) == group])]
        for group in groups
    ]
    kinds = sorted({kind for _, kind in groups})
    rows += [
        ["all", kind, *counts([o for o in outcomes if o.case.detectable_by == kind])]
        for kind in kinds
    ]
    rows.append(["all", "all", *counts(outcomes)])
    return markdown_table([*HEAD, *HEAD_SILENT], rows)


def counts(outcomes: Sequence[Outcome]) -> list[object]:
    """Count faults, finds, alarms and crashes; an alarm counts once per case."""
    faults = [each for each in outcomes if each.counted]
    found = sum(each.found for each in faults)
    return [
        len(faults),
        found,
        f"{100 * found / len(faults):.0f}" if faults else "-",
        sum(bool(each.twin_alarms) for each in outcomes),
        len(outcomes) - len(faults),
        sum(bool(each.clean_alarms) for each in outcomes),
        sum(len(each.crashes) for each in outcomes),
    ]


def misses(outcomes: Sequence[Outcome]) -> list[str]:
    """List every fault that was not found, and what was said instead."""
    missed = [each for each in outcomes if each.counted and not each.found]
    lines = [f"\nMissed: {len(missed)}"]
    for each in missed:
        lines.append(f"  {each.case.id} ({each.case.dialect}, {each.case.detectable_by})")
        tags, fields = ", ".join(sorted(each.wanted.tags)), ", ".join(each.case.fields)
        lines.append(f"    wanted: {each.case.severity} [{tags}] at {fields}")
        lines += [f"    said:   {finding}" for finding in each.faulty] or ["    said:   nothing"]
    return lines


def alarms(outcomes: Sequence[Outcome]) -> list[str]:
    """List every false alarm."""
    raised = [(o.case.id, "fixed", f) for o in outcomes for f in o.twin_alarms]
    raised += [(o.case.id, "silent", f) for o in outcomes for f in o.clean_alarms]
    lines = [f"  {case} ({side}) {finding}" for case, side, finding in raised]
    return [f"\nFalse alarms: {len(raised)}", *lines]


def crashes(outcomes: Sequence[Outcome]) -> list[str]:
    """List every run that gave no report."""
    lines = [f"  {each.case.id} {crash}" for each in outcomes for crash in each.crashes]
    return [f"\nCrashes: {len(lines)}", *lines]


def other_findings(outcomes: Sequence[Outcome]) -> list[str]:
    """List errors and warnings on fixed twins about something else: worth a look, not counted."""
    lines = [
        f"  {each.case.id} {finding}"
        for each in outcomes
        if not each.case.silent
        for finding in loud(each.fixed)
        if finding not in each.twin_alarms
    ]
    return [f"\nOther errors and warnings on fixed twins: {len(lines)}", *lines]


def as_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Turn the outcomes into plain data."""
    return {"version": 1, "outcomes": [outcome_json(each) for each in outcomes]}


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Turn one outcome into plain data."""
    case = outcome.case
    findings: dict[str, Sequence[Finding]] = {
        "faulty": outcome.faulty,
        "fixed": outcome.fixed,
        "twin_alarms": outcome.twin_alarms,
        "clean_alarms": outcome.clean_alarms,
    }
    return {
        "id": case.id,
        "dialect": case.dialect,
        "detectable_by": case.detectable_by,
        "wanted": sorted(outcome.wanted.tags),
        "fields": list(case.fields),
        "severity": case.severity,
        "found": outcome.found,
        "crashes": list(outcome.crashes),
        **{name: [asdict(finding) for finding in said] for name, said in findings.items()},
    }
