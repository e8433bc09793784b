"""The plain reader of command lines reads what click reads, or leaves it to click."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lora_advisor.cli import _plain
from lora_advisor.cli._check import OPTIONS
from lora_advisor.cli.check import command
from lora_advisor.plugins import VARIABLE
from tests.test_imports import CLEAN, imported

if TYPE_CHECKING:
    import click

PLAIN: tuple[list[str], ...] = (
    [],
    ["config.yaml"],
    ["config.yaml", "--exit-zero", "other.yaml", "-q", "-v"],
    ["-", "--stdin-filename", "config.yaml"],
    ["--select", "LA2,LA301", "--select=LA4", "config.yaml", "--ignore", "LA201"],
    ["--fail-on", "info", "--fail-on=never", "--output-format", "json", "--gpu", "24GB"],
    ["--processes", "2", "--target", "peft=0.17", "--target=trl=0.12", "--framework", "trl"],
    ["--model", "model", "--config", "settings.toml", "--output-file", "new.txt"],
    ["--baseline", "settings.toml", "--reason", "as agreed", "--fix", "--diff"],
)
FOR_CLICK: tuple[list[str], ...] = (
    ["--help"],
    ["-qv"],
    ["--bogus"],
    ["--", "config.yaml"],
    ["--select"],
    ["--select", "--ignore"],
    ["--exit-zero=yes"],
    ["--fail-on", "anything"],
    ["--processes", "0"],
    ["--model", "missing"],
    ["--model", "settings.toml"],
    ["--baseline", "model"],
    ["--output-file", "model"],
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    Path("model").mkdir()
    Path("settings.toml").touch()


def by_click(words: list[str]) -> dict[str, Any]:
    context: click.Context = command.make_context("check", list(words))
    return context.params


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_a_plain_line_is_read_as_click_reads_it(words: list[str]) -> None:
    read = _plain.read(words, OPTIONS)
    assert read is not None
    assert {"paths": tuple(read[0]), **read[1]} == by_click(words)


@pytest.mark.parametrize("words", FOR_CLICK, ids=" ".join)
def test_any_other_line_is_left_to_click(words: list[str]) -> None:
    assert _plain.read(words, OPTIONS) is None


def test_an_option_given_by_the_environment_is_left_to_click(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "some-plugin")
    assert _plain.read(["config.yaml"], OPTIONS) is None


@pytest.mark.parametrize("form", ["full", "json"])
def test_a_plain_check_imports_no_click(tmp_path: Path, form: str) -> None:
    (tmp_path / "config.yaml").write_text(CLEAN)
    _, modules = imported(tmp_path, "check", "config.yaml", "--output-format", form)
    assert "click" not in modules
