"""Datasets as users have them, read through the config that names them: rows and what is learnt."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from lora_advisor.calibrate.reading import Chosen, Reader
from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.gather import gather
from lora_advisor.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("default")
COUNT = 30

AXOLOTL = """\
base_model: base
adapter: lora
lora_r: 4
lora_alpha: 8
lora_target_linear: true
sequence_len: 512
micro_batch_size: 2
learning_rate: 2e-4
datasets:
"""
FACTORY = """\
model_name_or_path: base
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 4
lora_target: all
dataset: mine
dataset_dir: data
template: default
cutoff_len: 128
learning_rate: 2e-4
"""
TRL = """\
model_name_or_path: base
use_peft: true
lora_r: 4
lora_target_modules: all-linear
max_length: 128
learning_rate: 2e-4
"""


def chats(**names: str) -> list[dict[str, Any]]:
    """Conversations with the columns, keys and roles of a format."""
    say = {"list": "messages", "role": "role", "text": "content", "user": "user", **names}
    answerer = names.get("assistant", "assistant")
    return [
        {
            say["list"]: [
                {say["role"]: say["user"], say["text"]: f"Who begat number {i}?"},
                {say["role"]: answerer, say["text"]: f"He that begat {i}."},
            ]
        }
        for i in range(COUNT)
    ]


def instructions() -> list[dict[str, Any]]:
    return [
        {"instruction": "Who begat?", "input": f"number {i}", "output": f"He that begat {i}."}
        for i in range(COUNT)
    ]


def pairs() -> list[dict[str, Any]]:
    return [
        {"prompt": f"Who begat number {i}? ", "completion": f"He that begat {i}."}
        for i in range(COUNT)
    ]


SHAREGPT = {"list": "conversations", "role": "from", "text": "value"}
SPOKEN = {**SHAREGPT, "user": "human", "assistant": "gpt"}


def written(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        import datasets

        datasets.Dataset.from_list(rows).to_parquet(str(path))
    elif path.suffix in (".csv", ".tsv"):
        with path.open("w", newline="", encoding="utf-8") as file:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            table = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            table.writeheader()
            table.writerows(rows)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), "utf-8")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture
def home(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "base").symlink_to(base)
    return tmp_path


def read(home: Path, config: str, dataset: Path | None = None) -> tuple[Any, Any]:
    from lora_advisor.calibrate.calibration import Wanted
    from lora_advisor.calibrate.session import Asked, read_setup

    (home / "config.yaml").write_text(config, "utf-8")
    recipe = gather([home / "config.yaml"], Settings()).recipes[0]
    asked = Asked(
        wanted=Wanted(), chosen=Chosen(device="cpu"), dataset=dataset, output=home / "out"
    )
    reader = Reader(recipe)
    return read_setup(reader, asked), reader


def learnt(setup: Any) -> set[str]:
    """Return what the rows teach, decoded."""
    from transformers import AutoTokenizer

    from lora_advisor.calibrate.examples import IGNORED

    tokenizer = AutoTokenizer.from_pretrained(setup.base.folder)
    rows = [*setup.train, *setup.held_out]
    assert len(rows) == COUNT
    return {
        tokenizer.decode([label for label in row.labels if label != IGNORED]).strip()
        for row in rows
    }


ANSWERS = {f"He that begat {i}." for i in range(COUNT)}
CHATML_ANSWERS = {f"{answer}<|im_end|>" for answer in ANSWERS}
PROMPTED = {f"{answer}<eos>" for answer in ANSWERS}


RENAMED = (
    "path: r.jsonl, type: chat_template, field_messages: conversations, "
    "message_property_mappings: {role: from, content: value}"
)


@pytest.mark.parametrize(
    ("entry", "file", "rows", "taught"),
    [
        ("path: r.jsonl, type: chat_template", "r.jsonl", chats(), CHATML_ANSWERS),
        (
            RENAMED,
            "r.jsonl",
            chats(**SPOKEN),
            CHATML_ANSWERS,
        ),
        ("path: r.json, ds_type: json, type: alpaca", "r.json", instructions(), PROMPTED),
        (
            "path: json, data_files: [r.jsonl], type: alpaca",
            "r.jsonl",
            instructions(),
            PROMPTED,
        ),
        ("path: r.parquet, type: alpaca", "r.parquet", instructions(), PROMPTED),
        ("path: r.csv, ds_type: csv, type: alpaca", "r.csv", instructions(), PROMPTED),
    ],
)
def test_axolotl(home: Path, entry: str, file: str, rows: Any, taught: set[str]) -> None:
    written(home / file, rows)
    setup, _ = read(home, f"{AXOLOTL}  - {{{entry}}}\n")
    assert learnt(setup) == taught


@pytest.mark.parametrize(
    ("entry", "rows"),
    [
        ({}, instructions()),
        (
            {"columns": {"prompt": "q", "query": "more", "response": "a"}},
            [
                {"q": row["instruction"], "more": row["input"], "a": row["output"]}
                for row in instructions()
            ],
        ),
        ({"formatting": "sharegpt"}, chats(**SPOKEN)),
        (
            {
                "formatting": "sharegpt",
                "columns": {"messages": "messages"},
                "tags": {
                    "role_tag": "role",
                    "content_tag": "content",
                    "user_tag": "user",
                    "assistant_tag": "assistant",
                },
            },
            chats(),
        ),
    ],
)
def test_llamafactory(home: Path, entry: dict[str, Any], rows: Any) -> None:
    written(home / "data" / "mine.json", rows)
    info = {"mine": {"file_name": "mine.json", **entry}}
    (home / "data" / "dataset_info.json").write_text(json.dumps(info), "utf-8")
    setup, reader = read(home, FACTORY)
    assert learnt(setup) == CHATML_ANSWERS
    assert any("chat template" in note for note in reader.notes)


@pytest.mark.parametrize(
    ("keys", "file", "rows", "taught"),
    [
        ("dataset_name: r.jsonl", "r.jsonl", pairs(), PROMPTED),
        ("datasets: [{path: json, data_files: r.jsonl}]", "r.jsonl", pairs(), PROMPTED),
        ("datasets: [{path: csv, data_files: [r.csv]}]", "r.csv", pairs(), PROMPTED),
        ("dataset_name: r.parquet", "r.parquet", pairs(), PROMPTED),
        (
            "dataset_name: r.jsonl\nassistant_only_loss: true",
            "r.jsonl",
            chats(),
            CHATML_ANSWERS,
        ),
        (
            "dataset_name: r.jsonl\ncompletion_only_loss: false",
            "r.jsonl",
            pairs(),
            {f"Who begat number {i}? He that begat {i}.<eos>" for i in range(COUNT)},
        ),
    ],
)
def test_trl(home: Path, keys: str, file: str, rows: Any, taught: set[str]) -> None:
    written(home / file, rows)
    setup, _ = read(home, f"{TRL}{keys}\n")
    assert learnt(setup) == taught


def test_a_whole_conversation_is_learnt_by_default_in_trl(home: Path) -> None:
    written(home / "r.jsonl", chats())
    setup, _ = read(home, f"{TRL}dataset_name: r.jsonl\n")
    assert all("Who begat" in text and "He that begat" in text for text in learnt(setup))


@pytest.mark.parametrize("file", ["rows.tsv", "rows.csv", "rows.json", "rows.parquet"])
def test_a_file_named_beside_the_config(home: Path, file: str) -> None:
    written(home / file, pairs())
    setup, _ = read(home, TRL, dataset=home / file)
    assert learnt(setup) == PROMPTED


@pytest.mark.parametrize(
    ("config", "reason", "told"),
    [
        (f"{TRL}dataset_name: r.xlsx\n", "no-data", "expected one of"),
        (f"{TRL}dataset_name: broken.jsonl\n", "no-data", "broken.jsonl"),
        (f"{TRL}dataset_name: empty.jsonl\n", "no-data", "empty.jsonl"),
        (f"{TRL}dataset_name: other.jsonl\n", "too-little-data", "0 usable rows"),
        (TRL, "no-data", "names no dataset"),
        (FACTORY, "no-data", "has no dataset 'mine'"),
        (f"{AXOLOTL}  - {{path: other.jsonl, type: pygmalion}}\n", "unsupported", "pygmalion"),
        (f"{TRL}dataset_name: r.jsonl\nmodel_name_or_path: no/where\n", "no-model", "no/where"),
    ],
)
def test_refusals_name_their_reason(home: Path, config: str, reason: str, told: str) -> None:
    (home / "r.xlsx").write_bytes(b"PK")
    (home / "broken.jsonl").write_text('{"text": "In the"}\n{"text": \n', "utf-8")
    (home / "empty.jsonl").write_text("", "utf-8")
    (home / "data").mkdir()
    (home / "data" / "dataset_info.json").write_text('{"other": {}}', "utf-8")
    written(home / "other.jsonl", [{"wrong": f"{i}"} for i in range(COUNT)])
    written(home / "r.jsonl", pairs())
    if "no/where" in config:
        config = config.replace("model_name_or_path: base\n", "")
    with pytest.raises(RefusalError, match=reason) as refused:
        read(home, config)
    assert told in str(refused.value)
