"""The examples beside the README: what the bad ones print, that the good ones are clean."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
README = (ROOT / "README.md").read_text("utf-8")


def lora_advisor(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR")}
    command = [sys.executable, "-m", "lora_advisor", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def example(folder: Path, name: str) -> str:
    (found,) = [
        path
        for path in (*folder.glob(f"{name}.*"), *folder.glob(f"{name}/*"))
        if path.suffix != ".txt"
    ]
    return found.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_a_bad_example_prints(folder: Path) -> None:
    result = lora_advisor("check", example(folder, "bad"), "--no-color")
    assert (result.returncode, result.stderr) == (1, "")
    expected = folder / "bad.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        expected.write_text(result.stdout, "utf-8")
    assert expected.read_text("utf-8") == result.stdout, "UPDATE_SNAPSHOTS=1 rewrites it"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_good_example_is_clean(folder: Path) -> None:
    result = lora_advisor("check", example(folder, "good"), "--output-format", "json")
    report = json.loads(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(report["files"]) == 1
    assert [f["name"] for f in report["findings"] if f["severity"] != "info"] == []


@pytest.mark.parametrize("name", ["good", "bad"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_is_read_as_the_format_of_its_folder(folder: Path, name: str) -> None:
    result = lora_advisor("check", example(folder, name), "--output-format", "json")
    (file,) = json.loads(result.stdout)["files"]
    assert file["framework"] == folder.name


def test_the_picture_is_current() -> None:
    command = [sys.executable, "scripts/draw_terminal.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("command", ["check", "explain", "rule"])
def test_the_readme_names_options_that_exist(command: str) -> None:
    shown = lora_advisor(command, "--help").stdout
    used = re.findall(rf"^(?:.*/)?lora-advisor {command}( .*)$", README, re.MULTILINE)
    assert used
    for option in re.findall(
        r"(?<=\s)--?[a-z][a-z-]*", " ".join(line.split("#")[0] for line in used)
    ):
        assert re.search(rf"^ .*{option}\b", shown, re.MULTILINE), option


def test_the_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
