from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lora_advisor.checking import check
from lora_advisor.findings import Related, Report
from lora_advisor.reports import render_report
from tests.reports.made import FAILURE, SKIPPED, finding, report

DOCS = Path(__file__).parent.parent.parent / "docs"
SCHEMA = json.loads((DOCS / "report.schema.json").read_text("utf-8"))


def read(made: Report) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(render_report(made, "json"))
    jsonschema.validate(data, SCHEMA)
    return data


def test_the_whole_contract() -> None:
    data = read(report(finding(), skipped=(SKIPPED,), failures=(FAILURE,), suppressed=2))
    assert data["version"] == 1
    assert data["assumed"] == {"peft": "0.17.0 (requirements.txt)", "trl": "1.16.0 (current)"}
    assert data["files"] == [
        {"file": "config.yaml", "framework": "axolotl", "evidence": "base_model"}
    ]
    (found,) = data["findings"]
    assert list(found) == [
        *("file", "line", "column", "end_line", "end_column", "code", "name", "cause"),
        *("severity", "evidence", "path", "key", "field", "value", "message", "why", "url"),
        *("related", "fix"),
    ]
    assert (found["line"], found["column"], found["end_line"], found["end_column"]) == (
        5,
        17,
        5,
        18,
    )
    assert found["severity"] == "error"
    assert found["related"][0]["line"] == 2
    assert found["related"][2]["file"] is None
    changes = [{"key": "a", "value": None, "name": None}]
    assert found["fix"] == [
        {"title": "Load the base unquantised.", "safety": "unsafe", "changes": changes}
    ]
    assert data["skipped"] == [
        {"file": "config.yaml", "code": "LA417", "name": "fp16-and-bf16", "reason": "bf16 is auto"}
    ]
    assert data["failures"][0]["line"] == 3
    assert data["suppressed"] == 2


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("inf"), "inf"),
        ({1: (2,)}, {"1": [2]}),
        ("\udcff 漢", "\udcff 漢"),
        (2e-4, 2e-4),
        (True, True),
    ],
)
def test_every_value_can_be_written(value: object, written: object) -> None:
    text = render_report(report(finding(value=value)), "json")
    assert text.isascii()
    assert read(report(finding(value=value)))["findings"][0]["value"] == written


def test_the_example_of_the_documentation_is_a_report() -> None:
    page = (DOCS / "json-output.md").read_text("utf-8")
    found = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert found is not None
    jsonschema.validate(json.loads(found[1]), SCHEMA)


def test_the_schema_refuses_lines_from_zero() -> None:
    data = read(report(finding(related=(Related(place=None, label="x"),))))
    data["findings"][0]["line"] = 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


@pytest.mark.parametrize(
    ("text", "path", "field"),
    [
        ("base_model: a\nadapter: lora\nlora_r: 0\nlearning_rate: 0.0002\n", "lora_r", "lora.r"),
        (
            "base_model: a\nadapter: lora\nlora_r: 8\nlora_target_modules: [q_proj, q_proj]\n",
            "lora_target_modules[1]",
            "lora.target_modules",
        ),
        ("base_model: a\nadapter: lora\nlora_r: 8\nlora_rr: 8\n", "lora_rr", ""),
    ],
)
def test_a_finding_names_its_field_alike_in_every_format(text: str, path: str, field: str) -> None:
    found = {one["path"]: one["field"] for one in read(check(text, "config.yaml"))["findings"]}
    assert found[path] == field
