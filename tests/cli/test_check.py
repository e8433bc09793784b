"""`lora-advisor check`: exit codes, settings, files, reports."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from lora_advisor.cli import cli
from tests.cli.running import BAD, GOOD, report, run
from tests.snapshot import same_as


def test_a_bad_config() -> None:
    result = run("check", "bad.yaml", "--select", "LA101")
    assert result.exit_code == 1
    same_as("check-bad.txt", result.stdout)
    assert result.stderr == ""


def test_a_good_config() -> None:
    result = run("check", "good.yaml", "--select", "LA101")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("No problems found in 1 config.\n")


def test_folders_are_searched_by_default() -> None:
    files = report("check")["files"]
    assert [file["file"] for file in files] == ["bad.yaml", "good.yaml"]


@pytest.mark.parametrize("name", ["full", "concise", "json", "sarif", "github"])
def test_the_format_never_changes_the_exit_code(name: str) -> None:
    assert run("check", "bad.yaml", "--output-format", name).exit_code == 1
    assert run("check", "good.yaml", "--select", "LA101", "--output-format", name).exit_code == 0
    assert run("check", "missing.yaml", "--output-format", name).exit_code == 2


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--exit-zero",), 0),
        (("--fail-on", "never"), 0),
        (("--fail-on", "warning"), 1),
        (("--ignore", "LA101"), 0),
        (("--ignore", "rank-below-one"), 0),
        (("--select", "LA4"), 0),
        (("--select", "LA4,rank-below-one"), 1),
    ],
)
def test_what_decides_the_exit_code(options: tuple[str, ...], code: int) -> None:
    assert run("check", "bad.yaml", *options).exit_code == code


def test_a_file_that_cannot_be_read_wins_over_exit_zero_and_stops_no_other() -> None:
    Path("broken.yaml").write_text("lora_r: [\n")
    result = run("check", "broken.yaml", "bad.yaml", "missing.yaml", "--exit-zero")
    assert result.exit_code == 2
    assert re.search(r"^error: broken\.yaml:\d+:\d+: ", result.stderr, re.MULTILINE)
    assert "error: missing.yaml: no such file or directory\n" in result.stderr
    assert "rank-below-one" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("check", "--select", "LA999"), "no rule, area or prefix is called 'LA999'"),
        (("check", "--ignore", "nothing"), "no rule, area or prefix is called 'nothing'"),
        (("check", "--target", "peft"), "expected PACKAGE=VERSION"),
        (("check", "--framework", "x"), "unknown format 'x'; known are"),
        (("check", "--config", "x.toml"), "x.toml: no such settings file"),
        (("check", "--output-file", "no/such/folder.txt"), "cannot write no/such/folder.txt"),
        (("rule", "LA999"), "no rule is called 'LA999'; did you mean"),
        (("explain", "missing.yaml"), "no such file or directory"),
        (("explain", "lora_alhpa"), "did you mean lora_alpha"),
        (("explain", "zzzzzz"), "known are the following: bias, "),
        (("check", "--no-such-option"), "No such option"),
    ],
)
def test_a_run_that_cannot_start_says_why(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_settings_and_their_mistakes() -> None:
    Path(".lora-advisor.toml").write_text('ignore = ["LA101"]\ntarget = { peft = "0.17" }\n')
    assert run("check", "bad.yaml").exit_code == 0
    assert run("check", "bad.yaml", "--isolated").exit_code == 1
    assert run("check", "bad.yaml", "--select", "LA101").exit_code == 1
    assert report("check")["assumed"]["peft"] == "0.17 (settings)"
    assert report("check", "--target", "peft=0.16")["assumed"]["peft"] == "0.16 (--target)"
    Path(".lora-advisor.toml").write_text("ignroe = []\n")
    result = run("check")
    assert result.exit_code == 2
    assert (
        ".lora-advisor.toml:1:1: unknown setting 'ignroe'; did you mean 'ignore'?" in result.stderr
    )


def test_a_selector_of_the_settings_that_means_no_rule() -> None:
    Path(".lora-advisor.toml").write_text('[per-file-ignores]\n"a" = ["LA999"]\n')
    assert run("check").exit_code == 2


def test_per_file_ignores_and_excludes() -> None:
    Path(".lora-advisor.toml").write_text('[per-file-ignores]\n"bad.*" = ["lora"]\n')
    result = run("check", "bad.yaml")
    assert result.exit_code == 0
    assert "1 finding ignored by comments or settings." in result.stdout
    Path(".lora-advisor.toml").write_text('exclude = ["bad.*"]\n')
    result = run("check", "bad.yaml")
    assert (result.exit_code, result.stderr) == (0, "note: bad.yaml is excluded by 'bad.*'\n")
    assert run("check", "bad.yaml", "-q").stderr == ""


@pytest.mark.parametrize(
    ("path", "left"), [("lora_r", 1), ("peft", 1), ("peft.loftq_config", 1), ("datasets", 2)]
)
def test_per_key_ignores_cover_a_key_and_all_below(path: str, left: int) -> None:
    text = "base_model: a/b\nadapter: lora\nlora_r: 0\nlora_alpha: 8\nlora_target_linear: true\n"
    text += "peft: {loftq_config: {bitz: 4}}\nlearning_rate: 1.0e-4\n"
    Path("keyed.yaml").write_text(text)
    Path(".lora-advisor.toml").write_text(f'[per-key-ignores]\n"{path}" = ["LA003", "LA101"]\n')
    result = run("check", "keyed.yaml", "--select", "LA003,LA101", "--output-format", "json")
    assert len(json.loads(result.stdout)["findings"]) == left


def test_a_format_told_for_a_pattern() -> None:
    Path("odd.yaml").write_text("lora_r: 0\n")
    Path(".lora-advisor.toml").write_text('[per-file-framework]\n"odd.*" = "axolotl"\n')
    (file,) = report("check", "odd.yaml")["files"]
    assert (file["framework"], file["evidence"]) == ("axolotl", "as told")


def test_versions_of_the_repository() -> None:
    Path("requirements.txt").write_text("peft==0.15.2\n")
    assert report("check", "bad.yaml")["assumed"]["peft"] == "0.15.2 (requirements.txt)"
    assert "peft 0.15.2 (requirements.txt)" in run("check", "bad.yaml").stdout


def test_versions_that_differ_between_folders() -> None:
    for name, version in (("a", "0.15.2"), ("b", "0.17.0")):
        Path(name).mkdir()
        Path(name, "requirements.txt").write_text(f"peft=={version}\n")
        Path(name, "good.yaml").write_text(GOOD)
    assumed = report("check", "a", "b")["assumed"]["peft"]
    assert sorted(assumed.split("; ")) == [
        "0.15.2 (a/requirements.txt)",
        "0.17.0 (b/requirements.txt)",
    ]


def test_standard_input() -> None:
    result = run("check", "-", input=BAD)
    assert result.exit_code == 1
    assert result.stdout.startswith("<stdin>:3:9: error[LA101]")
    named = run("check", "-", "--stdin-filename", "x/train.yaml", input=BAD)
    assert named.stdout.startswith("x/train.yaml:3:9: error[LA101]")
    assert run("check", "-", input="").exit_code == 2
    assert run("check", "-", "good.yaml", input=BAD).exit_code == 1


def test_a_named_file_in_no_known_format_is_said_to_be_none() -> None:
    Path("other.yaml").write_text("services: {web: {image: nginx}}\n")
    result = run("check", "other.yaml")
    assert result.exit_code == 0
    assert result.stderr == (
        "note: other.yaml is in no known config format, so it was not checked\n"
    )
    assert result.stdout == "No LoRA fine-tuning config to check.\n"
    assert run("check", "other.yaml", "--skip-unknown").stderr == ""
    assert "other.yaml" not in run("check", ".", "-v").stderr
    assert run("explain", "other.yaml").exit_code == 2


def test_show_files() -> None:
    result = run("check", "--show-files")
    assert result.exit_code == 0
    assert re.fullmatch(r"bad\.yaml: axolotl \(.+\)\ngood\.yaml: axolotl \(.+\)\n", result.stdout)


def test_a_file_for_one_format_while_the_terminal_shows_another() -> None:
    result = run("check", "bad.yaml", "--output-format", "sarif", "--output-file", "out.sarif")
    assert result.exit_code == 1
    assert result.stdout.startswith("bad.yaml:3:9: error[LA101]")
    assert json.loads(Path("out.sarif").read_text())["version"] == "2.1.0"


def test_the_job_summary_of_github(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    page = folder / "summary.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    run("check", "bad.yaml")
    assert page.read_text() == "before\n"
    assert run("check", "bad.yaml", "--output-format", "github").stdout.startswith("::error file=")
    assert page.read_text().startswith("before\n### lora-advisor\n")


def test_ignore_comments() -> None:
    Path("bad.yaml").write_text(
        BAD.replace("lora_r: 0", "lora_r: 0  # lora-advisor: ignore[LA101] a test")
    )
    result = run("check", "bad.yaml")
    assert result.exit_code == 0
    assert "1 finding ignored" in result.stdout


def test_an_unreadable_file_does_not_keep_others_from_being_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "access", lambda *_args, **_kwargs: False)
    Path("b.yaml").write_text("lora_r: 8\n", "utf-8")
    result = CliRunner().invoke(cli, ["check", "b.yaml", "missing.yaml"])
    assert result.exit_code == 2
    assert "missing.yaml: no such file or directory" in result.output
    assert "Usage" not in result.output
