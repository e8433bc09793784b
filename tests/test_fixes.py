from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lora_advisor import source
from lora_advisor.fixes import repair, save
from lora_advisor.settings import Settings
from lora_advisor.targets import from_options
from tests.cards import FILE_NAMES, cards
from tests.cli.running import run

if TYPE_CHECKING:
    from lora_advisor.cards import Card, Example
    from lora_advisor.fixes import Repaired

REPAIRED = [
    pytest.param(card, example, id=f"{card.name}-{example.framework}-{number}")
    for card in cards().values()
    for number, example in enumerate(card.examples.bad)
    if card.fix and not example.with_files
]
BAD = """\
# mine
model_name_or_path: Qwen/Qwen3-8B
dataset_name: trl-lib/Capybara
use_peft: true
lora_r: 16   # the rank
lora_alpha: 32
lora_dropout: -0.5
lora_target_modules: all-linear
max_lenght: 2048
gradient_accumulation_steps: 0
learning_rate: 2.0e-4
bf16: true
"""


def repaired(example: Example, *, unsafe: bool = True) -> Repaired:
    name = example.file or FILE_NAMES.get(example.framework, "config.yaml")
    targets = from_options(f"{package}={version}" for package, version in example.target.items())
    settings = Settings(framework=example.framework, targets=targets, pedantic=True)
    return repair(source.parse(example.text, name), settings, unsafe=unsafe)


@pytest.mark.parametrize(("card", "example"), REPAIRED)
def test_every_repair_is_kept_or_says_why_not(card: Card, example: Example) -> None:
    result = repaired(example)
    assert all(tried.reason for tried in result.dropped)
    if card.id in {tried.code for tried in result.kept}:
        assert result.before != result.after
    assert comments(result.after) == comments(result.before)


def comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.splitlines() if line.lstrip()[:1] == "#"]


def test_most_repairs_are_kept() -> None:
    """What is dropped needs a second decision of the user; that must stay the exception."""
    pairs = [(card, e) for card in cards().values() if card.fix for e in card.examples.bad]
    pairs = [(card, example) for card, example in pairs if not example.with_files]
    kept = sum(card.id in {t.code for t in repaired(example).kept} for card, example in pairs)
    assert kept > 0.9 * len(pairs)


@pytest.mark.parametrize(("card", "example"), REPAIRED[::7])
def test_a_second_run_changes_nothing(card: Card, example: Example) -> None:
    first = repaired(example)
    again = repaired(example.model_copy(update={"text": first.after}))
    assert again.after == first.after, card.id


def test_safe_repairs_leave_the_rest_alone() -> None:
    result = repair(source.parse(BAD, "a.yaml"), Settings(framework="trl"))
    assert [tried.code for tried in result.kept] == ["LA110", "LA601"]
    expected = BAD.replace("lora_dropout: -0.5", "lora_dropout: 0.0")
    expected = expected.replace("gradient_accumulation_steps: 0", "gradient_accumulation_steps: 1")
    assert result.after == expected
    assert "-gradient_accumulation_steps: 0\n+gradient_accumulation_steps: 1\n" in result.diff


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_the_encoding_and_the_line_ends_stay(tmp_path: Path, mark: bytes, encoding: str) -> None:
    text = BAD.replace("\n", "\r\n").replace("mine", "größe")
    file = tmp_path / "a.yaml"
    file.write_bytes(mark + text.encode(encoding))
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    save(repair(source.parse(file.read_bytes(), str(link)), Settings(framework="trl")))
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    data = file.read_bytes()
    assert data.startswith(mark)
    changed = data[len(mark) :].decode(encoding)
    assert "größe" in changed
    assert changed.count("\r\n") == changed.count("\n") == text.count("\n")
    assert list(tmp_path.iterdir()) == [file, link] or len(list(tmp_path.iterdir())) == 2


def test_a_file_that_changed_meanwhile_is_left(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(BAD)
    result = repair(source.parse(BAD, str(file)), Settings(framework="trl"))
    file.write_text("other: 1\n")
    with pytest.raises(OSError, match="changed since"):
        save(result)
    assert file.read_text() == "other: 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BAD)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_command_repairs_and_reports_the_rest() -> None:
    result = run("check", "bad.yaml", "--fix", "--select", "LA110,LA601,LA104")
    assert result.stderr == "repaired 2 problems in 1 file\n"
    assert result.exit_code == 0
    assert "gradient_accumulation_steps: 1\n" in Path("bad.yaml").read_text()


@pytest.mark.usefixtures("folder")
def test_the_diff_changes_no_file() -> None:
    result = run("check", "bad.yaml", "--diff", "--unsafe-fixes")
    assert result.exit_code == 1
    assert result.stdout.startswith("--- a/bad.yaml\n+++ b/bad.yaml\n@@ ")
    assert Path("bad.yaml").read_text() == BAD
    assert run("check", "bad.yaml", "--diff", "--select", "LA101").exit_code == 0


def test_fix_only_reports_nothing(folder: Path) -> None:
    result = run("check", str(folder), "--fix-only", "--select", "LA110")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "lora_dropout: 0.0\n" in Path("bad.yaml").read_text()


@pytest.mark.usefixtures("folder")
def test_standard_input_goes_out_repaired() -> None:
    arguments = ("check", "-", "--fix", "--stdin-filename", "a.yaml", "--select", "LA110")
    result = run(*arguments, input=BAD)
    assert result.stdout == BAD.replace("lora_dropout: -0.5", "lora_dropout: 0.0")


@pytest.mark.usefixtures("folder")
def test_unsafe_fixes_alone_is_a_mistake() -> None:
    result = run("check", "bad.yaml", "--unsafe-fixes")
    assert result.exit_code == 2
    assert "--unsafe-fixes needs --fix" in result.stderr


def test_a_notebook_is_repaired_in_place(folder: Path) -> None:
    code = "from peft import LoraConfig\nLoraConfig(r=8, lora_alpha=16, lora_dropout=-0.1)\n"
    cell = {"cell_type": "code", "source": code.splitlines(keepends=True)}
    file = folder / "a.ipynb"
    file.write_text(json.dumps({"cells": [cell], "nbformat": 4}, indent=1))
    run("check", "a.ipynb", "--fix", "--select", "LA110")
    assert "lora_dropout=0.0)" in json.loads(file.read_text())["cells"][0]["source"][1]


AROUND = {
    "a.yaml": "# mine\r\npeft:\r\n  lora_dropout: -0.5  # no\r\n  'r': 8\r\n  lora_alpha: 16\r\n",
    "adapter_config.json": '{\n\t"peft_type": "LORA", "lora_dropout" : -0.5,\n\t"r": 8}\n',
    "a.toml": "[lora] # mine\nlora_dropout  =  -0.5 # no\nr = 8\nlora_alpha = 16\n",
    "a.py": "import peft\n\nx = peft.LoraConfig(r=8,  # rank\n    lora_dropout = -0.5)  # end\n",
    "a.sh": "trl sft --model_name_or_path a --use_peft \\\n  --lora_dropout -0.5 \\\n  --lora_r 8",
}
"""A text for each syntax, of which a repair may change the -0.5 alone."""


@pytest.mark.parametrize("name", AROUND)
def test_a_repair_changes_the_value_alone(name: str) -> None:
    text = AROUND[name]
    result = repair(source.parse(text, name), Settings(select=("LA110",)))
    assert [tried.code for tried in result.kept] == ["LA110"]
    assert result.after == text.replace("-0.5", "0.0")
    again = repair(source.parse(result.after, name), Settings(select=("LA110",)))
    assert again.after == result.after
