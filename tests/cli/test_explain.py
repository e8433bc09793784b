"""`lora-advisor explain`: of a config, of its companions, of a parameter."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import GOOD, report, run


def explained(name: str) -> dict[str, Any]:
    data = json.loads(run("explain", name, "--output-format", "json").stdout)
    only: dict[str, Any] = data["explanations"][0]
    return only


def test_a_companion_that_a_config_names_is_read_too() -> None:
    Path("ds.json").write_text('{"zero_optimization": {"stage": 3}, "bf16": {"enabled": true}}')
    Path("good.yaml").write_text(GOOD + "deepspeed: ds.json\n")
    files = report("check", "good.yaml")["files"]
    assert [file["framework"] for file in files] == ["axolotl", "deepspeed"]
    stage = [v for v in explained("good.yaml")["values"] if v["field"] == "run.zero_stage"]
    assert (stage[0]["value"], stage[0]["place"]["file"]) == (3, "ds.json")


def test_explain_a_config() -> None:
    result = run("explain", "good.yaml")
    assert result.exit_code == 0
    assert re.search(r"^  r +16 +line 3, lora_r$", result.stdout, re.MULTILINE)
    assert re.search(r"^  lora_alpha +32 +line 4$", result.stdout, re.MULTILINE)
    assert re.search(r"^  weight_decay +0 +library default$", result.stdout, re.MULTILINE)
    assert re.search(r"^  lora\.scaling +2 ", result.stdout, re.MULTILINE)
    assert "\nUnknown\n" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_explain_a_config_as_json() -> None:
    data = explained("good.yaml")
    values = {value["field"]: value for value in data["values"]}
    assert values["lora.r"] == {
        "field": "lora.r",
        "key": "lora_r",
        "value": 16,
        "known": True,
        "origin": "written",
        "place": {"file": "good.yaml", "line": 3, "column": 9, "end_line": 3, "end_column": 11},
        "why": "",
    }
    facts = {fact["name"]: fact["value"] for fact in data["derived"]}
    assert facts["lora.scaling"] == 2
    unknown = [value for value in data["values"] if not value["known"] and value["why"]]
    assert unknown
    assert all(value["value"] is None for value in unknown)


def test_explain_standard_input_and_a_broken_file() -> None:
    assert "<stdin>: axolotl" in run("explain", "-", input=GOOD).stdout
    Path("broken.yaml").write_text("a: [\n")
    result = run("explain", "broken.yaml")
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("name", ["r", "lora_rank", "lora.r"])
def test_explain_a_parameter(name: str) -> None:
    result = run("explain", name)
    assert result.exit_code == 0
    assert "LA101 rank-below-one" in result.stdout
    assert "https://arxiv.org/abs/2106.09685" in result.stdout
    data = json.loads(run("explain", name, "--output-format", "json").stdout)
    assert "LA101" in data["parameter"]["rules"]
