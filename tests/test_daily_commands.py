from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml
from click.testing import CliRunner

from lora_advisor import __version__
from lora_advisor.cli import cli
from lora_advisor.settings import from_file
from tests.cli.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator


ROOT = Path(__file__).parent.parent
BAD = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 0\nlora_dropout: -0.5\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(BAD)
    return tmp_path


def test_ignore_comments_make_a_check_clean() -> None:
    result = run("check", "a.yaml", "--add-ignores", "--reason", "as in the paper")
    assert "wrote ignore comments" in result.stderr
    lines = Path("a.yaml").read_text().splitlines()
    assert lines[2] == "lora_r: 0  # lora-advisor: ignore[rank-below-one] as in the paper"
    assert yaml.safe_load("\n".join(lines)) == yaml.safe_load(BAD)
    clean = run("check", "a.yaml")
    assert (clean.exit_code, "No problems found" in clean.stdout) == (0, True)


def test_a_comment_that_is_there_takes_further_rules() -> None:
    line = "lora_r: 0  # lora-advisor: ignore[alpha-missing] old\n"
    Path("a.yaml").write_text(BAD.replace("lora_r: 0\n", line))
    run("check", "a.yaml", "--add-ignores", "--select", "LA101")
    assert "ignore[alpha-missing, rank-below-one] old\n" in Path("a.yaml").read_text()


def test_json_has_no_comments() -> None:
    Path("adapter_config.json").write_text('{"peft_type": "LORA", "r": 0, "lora_alpha": 16}')
    result = run("check", "adapter_config.json", "--add-ignores")
    assert "use per-key-ignores" in result.stderr
    assert "#" not in Path("adapter_config.json").read_text()


def test_the_commands_of_a_script_that_go_on_take_no_comment() -> None:
    script = "trl sft --model_name_or_path a/b \\\n  --use_peft --lora_r 0 \\\n  --bf16\n"
    Path("a.sh").write_text(script)
    result = run("check", "a.sh", "--add-ignores", "--select", "LA101")
    assert "goes on in the next line" in result.stderr
    assert Path("a.sh").read_text() == script


def test_init_writes_what_is_not_there() -> None:
    Path(".lora-advisor.toml").write_text('fail-on = "warning"\n')
    result = run("init", "--yes")
    assert ".lora-advisor.toml is there already" in result.stderr
    assert Path(".lora-advisor.toml").read_text() == 'fail-on = "warning"\n'
    hook = yaml.safe_load(Path(".pre-commit-config.yaml").read_text())
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["repos"][0]["hooks"][0]["id"] in {entry["id"] for entry in manifest}
    workflow = yaml.safe_load(Path(".github/workflows/lora-advisor.yml").read_text())
    assert workflow["jobs"]["check"]["steps"][-1] == {
        "uses": f"lora-advisor/lora-advisor@v{__version__}"
    }


def test_init_asks() -> None:
    result = run("init", input="y\nn\nn\n")
    assert from_file(Path(".lora-advisor.toml")).ignore == ()
    assert not Path(".pre-commit-config.yaml").exists()
    assert "next:\n  lora-advisor check " in result.stderr
    assert "pre-commit install" not in result.stderr


def test_init_without_anybody_to_ask_says_how_to_go_on() -> None:
    result = run("init", input="")
    assert result.exit_code == 2
    assert "--yes writes every file unasked" in result.stderr
    assert not Path(".lora-advisor.toml").exists()


def test_init_leaves_settings_hooks_and_jobs_of_others_alone() -> None:
    Path("pyproject.toml").write_text('[tool.lora-advisor]\nfail-on = "warning"\n')
    Path(".pre-commit-config.yaml").write_text("repos: []\n")
    Path(".gitlab-ci.yml").write_text("{}\n")
    result = run("init", "--yes")
    assert "is not written, as pyproject.toml has settings" in result.stderr
    assert "add to its repos:\n  - repo: https://" in result.stderr
    assert "this repository has a .gitlab-ci.yml" in result.stderr
    assert sorted(path.name for path in Path().iterdir() if path.name.startswith(".")) == [
        *(".git", ".gitlab-ci.yml", ".pre-commit-config.yaml")
    ]


def test_the_settings_that_init_offers_are_known() -> None:
    from lora_advisor.cli.init import SETTINGS

    lines = [line.removeprefix("# ") for line in SETTINGS.splitlines()[1:]]
    text = "\n".join(line for line in lines if "=" in line or "[" in line)
    Path("sub").mkdir()
    Path(".lora-advisor.toml").write_text('exclude = ["old"]\n')
    Path("sub/all.toml").write_text(text.replace("{short}", "0.1"))
    offered = from_file(Path("sub/all.toml"))
    assert (offered.ignore, offered.rules_version) == (("LA604",), "0.1")


def test_doctor_says_what_is_missing() -> None:
    result = run("doctor")
    assert result.exit_code == 0
    assert "server (lora-advisor server, for editors)" in result.stdout
    assert ("[search]" in result.stdout) is (importlib.util.find_spec("optuna") is None)
    assert "settings: none" in result.stdout
    assert "peft" in result.stdout.rpartition("versions that a check here assumes:")[2]


def test_doctor_names_the_settings_and_what_of_them_counts() -> None:
    text = '[tool.lora-advisor]\nrules-version = "0.1"\nplugins = ["acme"]\n'
    Path("pyproject.toml").write_text(text)
    told = run("doctor").stdout
    assert "settings: pyproject.toml\n" in told
    assert "only rules that came with 0.1 or before" in told
    assert "acme runs only where --plugin acme names it" in told
    Path("pyproject.toml").write_text("[tool.lora-advisor]\nrulez = []\n")
    broken = run("doctor")
    assert broken.exit_code == 2
    assert "settings cannot be used: pyproject.toml:2:1: unknown setting 'rulez'" in broken.stdout


@pytest.mark.slow
def test_watching_checks_again() -> None:
    command = [sys.executable, "-m", "lora_advisor", "check", "a.yaml", "--watch", "--no-color"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert process.stdout is not None
    try:
        _until(process.stdout, "watching")
        time.sleep(0.1)
        Path("a.yaml").write_text(BAD.replace("lora_r: 0", "lora_r: -7"))
        assert "lora_r: -7" in _until(process.stdout, "watching")
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _until(stream: Any, wanted: str) -> str:
    seen = ""
    while wanted not in seen:
        line = stream.readline()
        assert line, seen
        seen += line
    return seen


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("check --framework axo", ["axolotl"]),
        ("check --select LA101,dropout-neg", ["LA101,dropout-negative"]),
        ("rule loftq-on-q", ["loftq-on-quantised-model"]),
        ("rule sho", ["show"]),
        ("explain lora_al", ["lora_alpha"]),
        ("convert a.yaml --to axo", ["axolotl"]),
        ("schema axo", ["axolotl"]),
    ],
)
def test_the_shell_completes(words: str, wanted: list[str]) -> None:
    parts = words.split()
    variables = {"COMP_WORDS": f"lora-advisor {words}", "COMP_CWORD": str(len(parts))}
    variables["_LORA_ADVISOR_COMPLETE"] = "bash_complete"
    result = CliRunner().invoke(cli, prog_name="lora-advisor", env=variables)
    assert [line.partition(",")[2] for line in result.stdout.splitlines()] == wanted


def test_every_command_teaches_by_example() -> None:
    silent = [path for path, command in commands(cli, "lora-advisor") if not shows(path, command)]
    assert silent == []


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield f"{path} {name}", found
        if isinstance(found, click.Group):
            yield from commands(found, f"{path} {name}")


def shows(path: str, command: click.Command) -> bool:
    return path in (command.epilog or "")
