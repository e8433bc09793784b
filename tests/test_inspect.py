"""``inspect``: a model under an adapter, as text, JSON, picture and page."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lora_advisor.cli.inspect import command

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
base_model: Qwen/Qwen2.5-7B-Instruct
adapter: qlora
load_in_4bit: true
lora_r: 16
lora_alpha: 32
lora_target_modules: [q_proj, v_proj, qkv_prj]
sequence_len: 4096
micro_batch_size: 2
gradient_accumulation_steps: 4
gradient_checkpointing: true
optimizer: adamw_bnb_8bit
bf16: true
datasets:
  - {path: org/data, type: alpaca}
"""


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, [*arguments, "--isolated"])
    assert result.exit_code == 0, result.output
    return result.output


def told(*arguments: str) -> dict[str, Any]:
    (found,) = json.loads(run(*arguments, "--output-format", "json"))["inspections"]
    return found  # type: ignore[no-any-return]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return str(path)


def test_a_target_that_adapts_nothing_is_the_story(config: str) -> None:
    text = run(config)
    assert "qkv_prj" in text
    assert "adapts nothing; nearest is" in text
    assert max(map(len, text.splitlines())) <= 80


def test_targets_are_counted_and_what_is_left_is_named(config: str) -> None:
    found = told(config)
    assert {t["entry"]: t["modules"] for t in found["targets"]} == {
        "q_proj": 28,
        "v_proj": 28,
        "qkv_prj": 0,
    }
    assert {item["name"] for item in found["left"]} == {
        *("k_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    }
    assert found["trainable"] == 28 * 16 * (2 * 3584 + 3584 + 512)


def test_a_small_gpu_does_not_hold_it_and_changes_use_the_users_keys(config: str) -> None:
    memory = told(config, "--gpu", "16GB")["memory"]
    assert memory["verdict"] == "does not fit"
    assert {"micro_batch_size", "sequence_len"} <= {change["key"] for change in memory["changes"]}
    assert told(config, "--gpu", "H200")["memory"]["verdict"] == "fits"


def test_a_model_with_a_bare_config(tmp_path: Path) -> None:
    lora = tmp_path / "lora.json"
    lora.write_text('{"r": 4, "target_modules": ["c_attn"], "fan_in_fan_out": true}', "utf-8")
    found = told("openai-community/gpt2", "--lora", str(lora))
    assert found["status"] == "ok"
    assert found["trainable"] == 12 * 4 * (768 + 2304)


def test_the_task_of_a_lora_says_which_head_the_model_has(tmp_path: Path) -> None:
    lora = tmp_path / "lora.json"
    lora.write_text('{"target_modules": ["query"], "task_type": "SEQ_CLS"}', "utf-8")
    found = told("google-bert/bert-base-uncased", "--lora", str(lora))
    assert found["model"]["auto_class"] == "AutoModelForSequenceClassification"
    assert found["saved"] == {"classifier": 2 * 768 + 2}


def test_what_peft_refuses_is_told_with_its_error() -> None:
    found = told("Qwen/Qwen2.5-0.5B", "--target-modules", "nothing_here")
    assert found["status"] == "peft-error"
    assert found["memory"] is None
    assert "PEFT refuses this" in run("Qwen/Qwen2.5-0.5B", "--target-modules", "nothing_here")


def test_an_assumption_is_said() -> None:
    assert "Assumed: target_modules all-linear" in run("Qwen/Qwen2.5-0.5B")


def test_unknown_subjects_end_in_a_sentence() -> None:
    result = CliRunner().invoke(command, ["org/nobody-knows-it"])
    assert result.exit_code == 2
    assert "no known model" in result.output


def test_the_picture_is_well_formed_and_colours_what_is_adapted(config: str) -> None:
    root = ET.fromstring(run(config, "--output-format", "svg"))  # noqa: S314 - our own text
    kinds = [rect.get("class") for rect in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert kinds.count("lora") == 2 + 1  # two layers, and the legend
    assert "prefers-color-scheme" in (root.findtext("{http://www.w3.org/2000/svg}style") or "")


def test_the_page_needs_nothing_beside_itself(config: str) -> None:
    page = run(config, "--gpu", "16GB", "--output-format", "html")
    assert "<svg" in page
    assert "does not fit" in page
    assert "src=" not in page
    assert "<link" not in page


def test_a_hostile_name_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("qkv_prj", '"<script>alert(1)</script>"'), encoding="utf-8")
    assert "<script>" not in run(str(path), "--output-format", "html")
