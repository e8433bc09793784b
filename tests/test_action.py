"""The GitHub action: its script, run with the inputs that a workflow would give."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
BAD = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if shutil.which("bash") is None:
        pytest.skip("bash is not here")
    program = tmp_path / "bin" / "lora-advisor"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lora_advisor "$@"\n')
    program.chmod(0o755)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "a.yaml").write_text(BAD)
    return tmp_path


def run(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
    }
    environment.pop("GITHUB_STEP_SUMMARY", None)
    return subprocess.run(
        ["bash", str(ROOT / "scripts" / "action.sh")],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )


def test_annotations_and_exit_code(folder: Path) -> None:
    result = run(folder, paths="configs\n")
    assert result.returncode == 1
    assert "::error file=configs/a.yaml,line=3,col=9" in result.stdout


def test_arguments_and_a_sarif_file(folder: Path) -> None:
    arguments = "--select=LA1\n--exit-zero"
    result = run(folder, paths=".", args=arguments, output_file="out.sarif")
    assert result.returncode == 0, result.stderr
    (log,) = json.loads((folder / "out.sarif").read_text())["runs"]
    assert {found["ruleId"][:3] for found in log["results"]} == {"LA1"}


def test_inputs_are_never_run(folder: Path) -> None:
    run(folder, paths="$(touch pwned); `touch pwned`", args="; touch pwned")
    assert not (folder / "pwned").exists()


def test_the_action_hands_its_inputs_through_the_environment() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    steps = action["runs"]["steps"]
    assert all("inputs." not in step["run"] for step in steps)
    given = steps[-1]["env"]
    assert set(given) == {f"INPUT_{n.upper().replace('-', '_')}" for n in action["inputs"]}
