"""A folder checked as the command checks it, for tests of what a whole project is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from lora_advisor.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def concise(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, path: str = ".") -> str:
    """Check a folder, or one path in it; return the findings, a line for each."""
    monkeypatch.chdir(folder)
    command = ["check", path, "--isolated", "--output-format", "concise", *arguments]
    return CliRunner().invoke(cli, command).stdout


def report(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, Any]:
    """Check a folder; return the report as JSON."""
    monkeypatch.chdir(folder)
    command = ["check", ".", "--isolated", "--output-format", "json", *arguments]
    found: dict[str, Any] = json.loads(CliRunner().invoke(cli, command).stdout)
    return found


def codes(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    """Check a folder; return the codes of its errors and warnings."""
    found = report(folder, monkeypatch, *arguments)["findings"]
    return sorted(finding["code"] for finding in found if finding["severity"] != "info")
