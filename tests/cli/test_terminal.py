"""What a terminal shows, and a process of its own: help, colour, pipes, bugs, characters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from lora_advisor import __version__, checking, console, frameworks, source
from lora_advisor.findings import TRACEBACK
from lora_advisor.settings import Settings
from tests.cli.running import BAD, ROOT, process, run
from tests.snapshot import same_as

if TYPE_CHECKING:
    from types import ModuleType


@pytest.mark.parametrize("arguments", [(), ("check",), ("explain",), ("rule",)])
def test_help_teaches_by_example(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "--help")
    assert result.exit_code == 0
    assert "Examples:\n    lora-advisor " in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = run("check", "bad.yaml").stdout
    assert "\x1b" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = run("check", "bad.yaml", color=True).stdout
    assert "\x1b[31m" in coloured
    assert click.unstyle(coloured) == plain
    assert run("check", "bad.yaml", "--no-color", color=True).stdout == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert run("check", "bad.yaml", color=True).stdout == plain


def test_the_real_command() -> None:
    result = process("check", "bad.yaml", "--select", "LA101")
    assert (result.returncode, result.stderr) == (1, "")
    same_as("check-bad.txt", result.stdout)
    assert process("--version").stdout == f"lora-advisor {__version__}\n"
    assert process("nonsense").returncode == 2


def test_a_bug_ends_in_a_sentence() -> None:
    code = (
        "import sys, lora_advisor.checking, lora_advisor.cli\n"
        "def broken(*a, **k): raise KeyError('x')\n"
        "lora_advisor.checking.check_paths = broken\n"
        "sys.argv = ['lora-advisor', 'check', 'bad.yaml']\n"
        "lora_advisor.cli.main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), TRACEBACK: ""}
    result = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment
    )
    assert result.returncode == 2
    assert result.stderr.startswith("error: internal error, please report it: KeyError: 'x'\n")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("stage", [(source, "parse"), (frameworks, "read"), (checking, "lookup")])
def test_a_bug_over_one_file_leaves_the_others(
    stage: tuple[ModuleType, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = stage
    working = getattr(module, name)

    def broken(*given: object) -> object:
        about = str(getattr(given[0], "path", given[0] if name == "lookup" else given[-1]))
        if about.startswith("broken"):
            raise KeyError("x")
        return working(*given)

    monkeypatch.setattr(module, name, broken)
    Path("broken.yaml").write_text(BAD, "utf-8")
    with pytest.raises(KeyError):
        run("check", "bad.yaml", "broken.yaml", "--select", "LA101")
    monkeypatch.delenv(TRACEBACK)
    result = run("check", "bad.yaml", "broken.yaml", "--select", "LA101")
    assert result.exit_code == 2
    alone = run("check", "bad.yaml", "--select", "LA101").stdout
    assert result.stdout.startswith(alone.partition("Found")[0])
    assert "1 file could not be read" in result.stdout
    assert "broken.yaml: internal error, please report it: KeyError: 'x'" in result.stderr


def test_a_reader_that_leaves_early_changes_nothing() -> None:
    command = f"{sys.executable} -m lora_advisor rule --all | head -1; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        ["bash", "-c", command], check=False, capture_output=True, text=True, env=environment
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("LA")


def test_a_terminal_that_cannot_spell_a_character() -> None:
    Path("bad.yaml").write_text(BAD + "note: 漢字\n", "utf-8")
    result = process("check", "bad.yaml", "-v", env={"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 1
    assert "internal" not in result.stderr


def test_names_that_are_no_text(folder: Path) -> None:
    name = os.fsdecode(b"\xff.yaml")
    Path(folder, name).write_text(BAD)
    for form in ("full", "json", "sarif", "github", "concise"):
        result = process("check", ".", "--output-format", form)
        assert (result.returncode, result.stderr) == (1, ""), form


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_a_terminal_is_coloured_unless_it_cannot_or_may_not_be(
    variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    options = {"no_color": False, "verbose": False, "quiet": False}
    assert console.report_options(Settings(), options).colour is coloured
