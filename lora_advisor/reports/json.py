"""The report for programs, version 1: ``docs/json-output.md`` says what may change."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lora_advisor.findings import Finding, Fix, Place, Related, Report
    from lora_advisor.reports import Options

VERSION: Final = 1


def render(report: Report, _options: Options) -> str:
    """Write one JSON object; lines and columns count from 1, ends are exclusive."""
    data = {
        "version": VERSION,
        "assumed": dict(report.assumed),
        "files": [asdict(checked) for checked in report.files],
        "findings": [finding_data(found) for found in report.findings],
        "skipped": [asdict(skipped) for skipped in report.skipped],
        "failures": [asdict(failure) for failure in report.failures],
        "suppressed": report.suppressed,
    }
    return dumped(data)


def dumped(data: object) -> str:
    """Write plain data as JSON in ASCII, which every terminal and pipe can carry."""
    return json.dumps(plain(data), indent=2, allow_nan=False) + "\n"


def plain(value: object) -> object:
    """Turn what JSON cannot hold (infinity, tuples, other keys than text) into what it can."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def finding_data(found: Finding) -> dict[str, Any]:
    """Return a finding as the report holds it."""
    return {
        **_place(found.place),
        "code": found.code,
        "name": found.name,
        "cause": found.cause,
        "severity": str(found.severity),
        "evidence": found.evidence,
        "path": found.path,
        "key": found.key,
        "field": found.field,
        "value": found.value,
        "message": found.message,
        "why": found.why,
        "url": found.url,
        "related": [_related(related) for related in found.related],
        "fix": [_fix(fix) for fix in found.fixes],
    }


def _place(place: Place | None) -> dict[str, Any]:
    names = ("file", "line", "column", "end_line", "end_column")
    return {name: getattr(place, name) if place is not None else None for name in names}


def _related(related: Related) -> dict[str, Any]:
    return {**_place(related.place), "label": related.label}


def _fix(fix: Fix) -> dict[str, Any]:
    names = ("key", "value", "name")
    changes = [{name: getattr(change, name) for name in names} for change in fix.changes]
    return {"title": fix.title, "safety": fix.safety, "changes": changes}
