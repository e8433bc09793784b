from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from lora_advisor.checking import check
from lora_advisor.cli import cli
from lora_advisor.reports import Options, formats, render_report

BAD = "model_name_or_path: a/b # größe\nuse_peft: true\nlora_r: 0\nlora_dropout: -0.5\n"
REPORT = check(BAD, "configs/a <&>.yaml")


def test_every_format_is_offered() -> None:
    assert set(formats()) >= {
        *("full", "concise", "json", "json-lines", "sarif", "github"),
        *("gitlab", "junit", "rdjson", "markdown", "statistics"),
    }


@pytest.mark.parametrize("name", formats())
def test_an_empty_report_can_be_written(name: str) -> None:
    text = render_report(check("", "a.yaml"), name)
    assert text == "" or text.endswith("\n")


def test_json_lines() -> None:
    lines = render_report(REPORT, "json-lines").splitlines()
    assert [json.loads(line)["code"] for line in lines] == [f.code for f in REPORT.findings]


def test_gitlab() -> None:
    issues = json.loads(render_report(REPORT, "gitlab"))
    assert len({issue["fingerprint"] for issue in issues}) == len(REPORT.findings) > 1
    (rank,) = [issue for issue in issues if issue["check_name"] == "rank-below-one"]
    assert rank["location"]["positions"]["begin"] == {"line": 3, "column": 9}
    assert rank["severity"] == "critical"


def test_equal_findings_have_fingerprints_of_their_own() -> None:
    script = "from peft import LoraConfig\n" + "LoraConfig(r=0)\n" * 3
    issues = json.loads(render_report(check(script, "a.py"), "gitlab"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_junit() -> None:
    (suite,) = ET.fromstring(render_report(REPORT, "junit"))  # noqa: S314 - our own text
    (case,) = suite
    assert case.get("name") == "configs/a <&>.yaml"
    failures = case.findall("failure")
    assert str(len(failures)) == suite.get("failures")
    assert any("LA101" in str(failure.get("message")) for failure in failures)
    assert case.find("system-out") is not None


def test_junit_names_files_that_cannot_be_read() -> None:
    report = check("a: [1\n\0", "a.yaml")
    (suite,) = ET.fromstring(render_report(report, "junit"))  # noqa: S314
    assert suite.get("errors") == "1"
    assert suite[0].find("error") is not None


def test_rdjson_counts_bytes() -> None:
    text = "größe: 1\nmodel_name_or_path: a/b\nuse_peft: true\ndataset_name: a/b\n"
    report = check(text, "a.yaml")
    data = json.loads(render_report(report, "rdjson"))
    ends = [d["location"]["range"]["end"] for d in data["diagnostics"] if "größe" in d["message"]]
    assert {"line": 1, "column": len("größe".encode()) + 1} in ends
    assert data["source"]["name"] == "lora-advisor"


def test_statistics() -> None:
    lines = render_report(REPORT, "statistics", Options()).splitlines()
    assert any(line.split() == ["1", "error", "LA101", "rank-below-one"] for line in lines)


def test_markdown_is_a_table() -> None:
    text = render_report(REPORT, "markdown")
    assert "| error | configs/a &lt;&>.yaml:3 | [LA101 rank-below-one](" in text


def test_rdjson_carries_the_repairs_that_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        "größe: ü\nmodel_name_or_path: a/b\nuse_peft: true\nlora_dropout: -0.5\ndataset_name: a/b\n"
    )
    Path("a.yaml").write_text(text, "utf-8")
    result = CliRunner().invoke(cli, ["check", "a.yaml", "--output-format", "rdjson"])
    found = {d["code"]["value"]: d for d in json.loads(result.stdout)["diagnostics"]}
    (suggestion,) = found["LA110"]["suggestions"]
    assert suggestion["text"] == "0.0"
    assert suggestion["range"]["start"] == {"line": 4, "column": 15}
    (gone,) = found["LA003"]["suggestions"]
    assert gone["range"] == {"start": {"line": 1, "column": 1}, "end": {"line": 2, "column": 1}}
