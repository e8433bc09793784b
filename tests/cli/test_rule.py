"""`lora-advisor rule`: one line each, one page, all pages."""

from __future__ import annotations

import json
import re

import pytest

from lora_advisor import rules
from tests.cli.running import run


def test_rules_in_one_line_each() -> None:
    result = run("rule")
    listed = re.findall(r"^(LA\d{3}) ", result.stdout, re.MULTILINE)
    assert listed == [rule.code for rule in rules.load()]
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


@pytest.mark.parametrize("name", ["LA101", "la101", "rank-below-one"])
def test_a_rule(name: str) -> None:
    result = run("rule", name)
    assert result.exit_code == 0
    assert result.stdout.startswith("LA101 rank-below-one: ")
    assert "\nReported when\n  " in result.stdout
    assert "\nNot reported (" in result.stdout


def test_every_rule_has_a_page_and_its_data() -> None:
    pages = run("rule", "--all").stdout
    assert all(f"{rule.code} {rule.name}: " in pages for rule in rules.load())
    assert "{{" not in "".join(re.findall(r"^  - .*", pages, re.MULTILINE))
    data = json.loads(run("rule", "--all", "--output-format", "json").stdout)
    assert {entry["code"] for entry in data["rules"]} == {rule.code for rule in rules.load()}
