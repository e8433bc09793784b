from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import run

NAME = ".lora-advisor-baseline.json"
BAD = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 0\nlora_dropout: -0.5\nbias: 1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("configs/a.yaml").write_text(BAD)
    return tmp_path


def codes(*arguments: str) -> list[str]:
    data = json.loads(run("check", "--output-format", "json", *arguments).stdout)
    return [found["code"] for found in data["findings"]]


def test_known_findings_are_left_out_wherever_their_lines_move() -> None:
    assert {"LA101", "LA110"} <= set(codes())
    assert run("baseline").exit_code == 0
    assert codes("--baseline", NAME) == []
    Path("configs/a.yaml").write_text("# moved\n\n" + BAD)
    assert codes("--baseline", NAME) == []
    assert run("check", "--baseline", NAME).exit_code == 0
    assert "left out (baseline)" in run("check", "--baseline", NAME).stdout


def test_another_value_is_another_finding() -> None:
    run("baseline")
    Path("configs/a.yaml").write_text(BAD.replace("lora_r: 0", "lora_r: -1"))
    assert codes("--baseline", NAME) == ["LA101"]


def test_two_findings_that_change_places_are_both_reported() -> None:
    Path("configs/b.yaml").write_text(BAD.replace("lora_dropout: -0.5\n", ""))
    run("baseline")
    Path("configs/a.yaml").write_text(BAD.replace("lora_dropout: -0.5\n", ""))
    Path("configs/b.yaml").write_text(BAD)
    assert codes("--baseline", NAME) == ["LA110"]


def test_what_is_repaired_is_told_and_pruned() -> None:
    run("baseline")
    size = len(json.loads(Path(NAME).read_text())["findings"])
    Path("configs/a.yaml").write_text(BAD.replace("lora_r: 0", "lora_r: 8"))
    assert "1 findings that are gone" in run("check", "--baseline", NAME).stderr
    assert run("baseline", "--prune").exit_code == 0
    assert len(json.loads(Path(NAME).read_text())["findings"]) == size - 1


def test_new_findings_are_accepted_on_request() -> None:
    run("baseline")
    Path("configs/b.yaml").write_text(BAD)
    assert run("baseline").exit_code == 2
    assert run("baseline", "--accept-new").exit_code == 0
    assert codes("--baseline", NAME) == []


def test_the_settings_name_it(folder: Path) -> None:
    run("baseline")
    (folder / ".lora-advisor.toml").write_text(f'baseline = "{NAME}"\n')
    assert codes() == []
    assert codes("--isolated") != []


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"findings": [{}], "version": 1}', '{"findings": [], "version": 9}']
)
def test_a_broken_baseline_stops_the_run(text: str) -> None:
    Path(NAME).write_text(text)
    result = run("check", "--baseline", NAME)
    assert result.exit_code == 2
    assert NAME in result.stderr


def test_files_are_told_from_each_other() -> None:
    run("baseline", "configs")
    entries = json.loads(Path(NAME).read_text())["findings"]
    assert {entry["file"] for entry in entries} == {"configs/a.yaml"}
    assert entries == sorted(entries, key=lambda e: (e["file"], e["rule"], e["path"]))
