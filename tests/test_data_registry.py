"""Data sets of LLaMA-Factory, as the ``dataset_info.json`` of a folder describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lora_advisor.checking import check

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
model_name_or_path: Qwen/Qwen3-8B
do_train: true
finetuning_type: lora
lora_target: all
template: qwen3
learning_rate: 1.0e-4
bf16: true
cutoff_len: 2048
output_dir: out
"""
ENTRIES = {
    "plain": {"file_name": "a.json", "columns": {"prompt": "q", "response": "a"}},
    "pairs": {"file_name": "b.json", "ranking": True, "columns": {"chosen": "g", "rejected": "b"}},
    "alpaca": {"file_name": "c.json", "columns": {"instruction": "q", "output": "a"}},
    "hub": {"hf_hub_url": "someone/data"},
}


def said(folder: Path, written: str, data: str = "data", home: str = "configs") -> list[str]:
    for name, text in {
        f"{home}/train.yaml": CONFIG + written,
        f"{data}/dataset_info.json": json.dumps(ENTRIES),
        ".git/HEAD": "",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    report = check(CONFIG + written, str(folder / home / "train.yaml"))
    found = [finding.code for finding in report.findings]
    return [code for code in found if code in ("LA728", "LA738", "LA748", "LA758")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("dataset: plain, hub", []),
        ("dataset: plain,pairs", ["LA748"]),
        ("stage: dpo\ndataset: pairs", []),
        ("stage: rm\ndataset: plain", ["LA748"]),
        ("stage: kto\ndataset: pairs", ["LA748"]),
        ("dataset: alpaca", ["LA758"]),
        ("dataset: ./plain.json", ["LA728"]),
        ("dataset: plain\neval_dataset: /data/test.jsonl", ["LA728"]),
        ("dataset: elsewhere", []),
        ("dataset: ${dataset}", []),
        ("stage: ${stage}\ndataset: plain", []),
    ],
)
def test_names_of_data_are_looked_up_in_the_project(
    tmp_path: Path, written: str, expected: list[str]
) -> None:
    assert said(tmp_path, written) == expected


def test_a_stated_folder_says_which_names_there_are(tmp_path: Path) -> None:
    assert said(tmp_path, "dataset_dir: corpus\ndataset: elsewhere", data="corpus") == ["LA738"]


@pytest.mark.parametrize("folder", ["ONLINE", "REMOTE:someone/data", "${data}"])
def test_data_of_elsewhere_is_not_looked_up(tmp_path: Path, folder: str) -> None:
    assert said(tmp_path, f"dataset_dir: {folder}\ndataset: org/data.json") == []


def test_what_lies_above_the_project_is_not_read(tmp_path: Path) -> None:
    home = tmp_path / "project"
    (home / ".git").mkdir(parents=True)
    assert said(tmp_path, "dataset: pairs", home="project") == []


def test_a_broken_description_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "configs/data").mkdir(parents=True)
    (tmp_path / "configs/data/dataset_info.json").write_text("{", "utf-8")
    assert said(tmp_path, "dataset: pairs") == ["LA748"]
