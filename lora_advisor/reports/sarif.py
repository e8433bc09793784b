"""SARIF 2.1.0 for code scanning: every result has a place, every rule of the program is listed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from lora_advisor import rules
from lora_advisor.findings import Severity
from lora_advisor.reports._identity import identified
from lora_advisor.reports._tool import ADDRESS, NAME, version
from lora_advisor.reports.json import dumped

if TYPE_CHECKING:
    from lora_advisor.findings import Failure, Finding, Place, Related, Report
    from lora_advisor.reports import Options
    from lora_advisor.rules import Rule

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
FINGERPRINT: Final = "loraAdvisor/v1"


def render(report: Report, _options: Options) -> str:
    """Write one SARIF log with one run."""
    listed = rules.load()
    indices = {rule.code: index for index, rule in enumerate(listed)}
    run = {
        "tool": {"driver": _driver(listed)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The folder that was checked from."}}
        },
        "invocations": [_invocation(report)],
        "results": _results(report, indices),
    }
    return dumped({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver(listed: tuple[Rule, ...]) -> dict[str, Any]:
    return {
        "name": NAME,
        "version": version(),
        "informationUri": ADDRESS,
        "rules": [_rule(rule) for rule in listed],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.why, "markdown": f"{rule.why}\n\n[{rule.name}]({rule.url})"},
        "helpUri": rule.url,
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"tags": _tags(rule), "evidence": rule.evidence},
    }


def _tags(rule: Rule) -> list[str]:
    """Name the subject and the area once each: an equal pair makes the whole file invalid."""
    return list(dict.fromkeys(("lora", rule.area)))


def _invocation(report: Report) -> dict[str, Any]:
    notes = [_notification(failure) for failure in report.failures]
    return {"executionSuccessful": not notes, "toolExecutionNotifications": notes}


def _notification(failure: Failure) -> dict[str, Any]:
    region = {"startLine": failure.line or 1, "startColumn": failure.column or 1}
    place = {"artifactLocation": _artifact(failure.file), "region": region}
    return {
        "level": "error",
        "message": {"text": failure.message},
        "locations": [{"physicalLocation": place}],
    }


def _results(report: Report, indices: dict[str, int]) -> list[dict[str, Any]]:
    found = identified(report.findings)
    return [_result(finding, indices, fingerprint) for finding, fingerprint in found]


def _result(found: Finding, indices: dict[str, int], fingerprint: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": found.code,
        "level": LEVELS[found.severity],
        "message": {"text": found.message},
        "locations": [{"physicalLocation": _physical(found.place)}],
        "partialFingerprints": {FINGERPRINT: fingerprint},
        "properties": {"path": found.path, "cause": found.cause, "evidence": found.evidence},
    }
    if found.code in indices:
        result["ruleIndex"] = indices[found.code]
    related = [_related(r, r.place, i) for i, r in enumerate(found.related) if r.place]
    return {**result, "relatedLocations": related} if related else result


def _related(related: Related, place: Place, index: int) -> dict[str, Any]:
    physical = _physical(place)
    return {"id": index, "physicalLocation": physical, "message": {"text": related.label}}


def _physical(place: Place) -> dict[str, Any]:
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    return {"artifactLocation": _artifact(place.file), "region": region}


def _artifact(file: str) -> dict[str, str]:
    if Path(file).is_absolute():
        return {"uri": Path(file).as_uri()}
    return {"uri": quote(file, errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}
