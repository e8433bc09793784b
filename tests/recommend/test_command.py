"""``recommend`` and ``convert`` as a user runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from lora_advisor import console
from lora_advisor.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

MODEL = ("--model", "Qwen/Qwen3-8B")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["recommend", *arguments])


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_keeps_to_the_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "PIPED", width)
    result = run(*MODEL, "--gpu", "24GB", "--verbose")
    assert result.exit_code == 0
    long = [line for line in result.output.splitlines() if len(line) > width]
    assert [line for line in long if "https://" not in line] == []


def test_json_says_why_for_every_value() -> None:
    content = json.loads(run(*MODEL, "--gpu", "24GB", "--output-format", "json").output)
    for row in content["advice"]:
        assert row["reason"]
        assert row["source"]
        assert row["confidence"] in ("high", "medium", "low")
    rate = next(row for row in content["advice"] if row["field"] == "train.learning_rate")
    assert rate["disagreement"]
    assert rate["changes"]


def test_a_config_comes_out_alone() -> None:
    """Standard output is the config; what to be careful of goes to standard error."""
    result = run(*MODEL, "--gpu", "24GB", "--to", "axolotl")
    written = yaml.safe_load(result.stdout)
    assert written["base_model"] == "Qwen/Qwen3-8B"
    assert "note:" not in result.stdout


def test_a_configs_own_keys_survive(tmp_path: Path) -> None:
    path = tmp_path / "sft.yaml"
    path.write_text(
        "model_name_or_path: Qwen/Qwen3-8B\nuse_peft: true\nlora_r: 64\nlora_alpha: 128\n"
        "dataset_name: a/b\nlearning_rate: 1.0e-6\nseed: 7\noutput_dir: mine\n",
        encoding="utf-8",
    )
    written = yaml.safe_load(run(str(path), "--to", "trl").stdout)
    assert (written["seed"], written["output_dir"], written["dataset_name"]) == (7, "mine", "a/b")
    assert written["learning_rate"] > 2e-5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--model"),
        ((*MODEL, "--gpu", "banana"), "no known GPU"),
        ((*MODEL, "--to", "trll"), "did you mean trl"),
        ((*MODEL, "--method", "classification", "--to", "trl"), "no classification training"),
        (("--model", "google-bert/bert-base-uncased"), "does not generate text"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_convert_tells_on_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "base_model: Qwen/Qwen3-8B\nadapter: lora\nlora_r: 8\nlora_alpha: 16\n"
        "sequence_len: 512\nlearning_rate: 1.0e-4\nval_set_size: 0.1\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(cli, ["convert", str(path), "--to", "trl"])
    assert yaml.safe_load(result.stdout)["lora_r"] == 8
    assert "val_set_size" in result.stderr
