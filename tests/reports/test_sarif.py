from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lora_advisor import rules
from lora_advisor.findings import Report, Severity
from lora_advisor.reports import render_report
from tests.reports.made import FAILURE, finding, place, report


def run(made: Report) -> dict[str, Any]:
    log = json.loads(render_report(made, "sarif"))
    assert log["version"] == "2.1.0"
    only: dict[str, Any] = log["runs"][0]
    return only


def test_every_result_has_a_relative_place_and_columns_in_characters() -> None:
    made = run(report(finding()))
    assert made["columnKind"] == "unicodeCodePoints"
    physical = made["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "config.yaml", "uriBaseId": "%SRCROOT%"}
    assert physical["region"] == {"startLine": 5, "startColumn": 17, "endLine": 5, "endColumn": 18}
    related = made["results"][0]["relatedLocations"]
    assert [entry["message"]["text"] for entry in related] == ["load_in_4bit: true", "lora_r: 16"]


def test_every_rule_is_listed_and_results_point_at_theirs() -> None:
    rule = rules.load()[0]
    made = run(report(finding(code=rule.code, name=rule.name)))
    listed = made["tool"]["driver"]["rules"]
    assert [entry["id"] for entry in listed] == [entry.code for entry in rules.load()]
    assert listed[made["results"][0]["ruleIndex"]]["name"] == rule.name
    assert all(entry["help"]["text"] and entry["helpUri"] for entry in listed)


def test_no_rule_has_a_tag_twice() -> None:
    """The schema wants the elements of ``tags`` to differ, and GitHub holds a file to it."""
    for entry in run(report())["tool"]["driver"]["rules"]:
        tags = entry["properties"]["tags"]
        assert len(set(tags)) == len(tags) <= 20


def test_levels() -> None:
    levels = [run(report(finding(severity=s)))["results"][0]["level"] for s in Severity]
    assert levels == ["note", "warning", "error"]


def test_fingerprints_survive_moved_lines_and_tell_equal_findings_apart() -> None:
    here, moved = finding(), finding(place=place(9, 1, 1))
    first = run(report(here))["results"][0]["partialFingerprints"]
    assert first == run(report(moved))["results"][0]["partialFingerprints"]
    both = [r["partialFingerprints"]["loraAdvisor/v1"] for r in run(report(here, here))["results"]]
    assert both[0] != both[1]
    other = run(report(finding(value=8)))["results"][0]["partialFingerprints"]
    assert other != first


def test_odd_paths_become_uris() -> None:
    odd = run(report(finding(place=place(1, 1, 1, file="a b/ü#.yaml"), related=())))
    physical = odd["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "a%20b/%C3%BC%23.yaml"
    outside = Path(__file__).absolute()
    absolute = run(report(finding(place=place(1, 1, 1, file=str(outside)), related=())))
    physical = absolute["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": outside.as_uri()}


def test_files_that_cannot_be_read_are_notifications() -> None:
    invocation = run(report(failures=(FAILURE,)))["invocations"][0]
    assert invocation["executionSuccessful"] is False
    told = invocation["toolExecutionNotifications"][0]
    assert told["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert run(report())["invocations"][0]["executionSuccessful"] is True
