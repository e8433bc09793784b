from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from lora_advisor import __version__, console, rules
from lora_advisor.cli import cli
from lora_advisor.settings import Settings
from tests.snapshot import same_as

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parent.parent
GOOD = """\
base_model: Qwen/Qwen3-8B
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
sequence_len: 2048
micro_batch_size: 2
gradient_accumulation_steps: 4
learning_rate: 2e-4
bf16: true
"""
BAD = GOOD.replace("lora_r: 16", "lora_r: 0")
"""A config with exactly one error, LA101 rank-below-one."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "NO_COLOR", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    Path("good.yaml").write_text(GOOD)
    Path("bad.yaml").write_text(BAD)
    return tmp_path


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False, **options)


def report(*arguments: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run(*arguments, "--output-format", "json").stdout)
    return data


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


def test_a_companion_that_a_config_names_is_read_too() -> None:
    Path("ds.json").write_text('{"zero_optimization": {"stage": 3}, "bf16": {"enabled": true}}')
    Path("good.yaml").write_text(GOOD + "deepspeed: ds.json\n")
    files = report("check", "good.yaml")["files"]
    assert [file["framework"] for file in files] == ["axolotl", "deepspeed"]
    stage = [v for v in explained("good.yaml")["values"] if v["field"] == "run.zero_stage"]
    assert (stage[0]["value"], stage[0]["place"]["file"]) == (3, "ds.json")


def explained(name: str) -> dict[str, Any]:
    data = json.loads(run("explain", name, "--output-format", "json").stdout)
    only: dict[str, Any] = data["explanations"][0]
    return only


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


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lora_advisor", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, **options
    )


def test_the_real_command() -> None:
    result = process("check", "bad.yaml", "--select", "LA101")
    assert (result.returncode, result.stderr) == (1, "")
    same_as("check-bad.txt", result.stdout)
    assert process("--version").stdout == f"lora-advisor {__version__}\n"
    assert process("nonsense").returncode == 2


def test_a_bug_ends_in_a_sentence() -> None:
    code = (
        "import sys, lora_advisor.check, lora_advisor.cli\n"
        "def broken(*a, **k): raise KeyError('x')\n"
        "lora_advisor.check.check_gathered = broken\n"
        "sys.argv = ['lora-advisor', 'check', 'bad.yaml']\n"
        "lora_advisor.cli.main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment
    )
    assert result.returncode == 2
    assert result.stderr.startswith("error: internal error, please report it: KeyError: 'x'\n")
    assert "Traceback" not in result.stderr


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


def test_an_unreadable_file_does_not_keep_others_from_being_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "access", lambda *_args, **_kwargs: False)
    Path("b.yaml").write_text("lora_r: 8\n", "utf-8")
    result = CliRunner().invoke(cli, ["check", "b.yaml", "missing.yaml"])
    assert result.exit_code == 2
    assert "missing.yaml: no such file or directory" in result.output
    assert "Usage" not in result.output


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
