"""People's notebooks: what their cells and commands say, and what they leave open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lora_advisor.checking import check_paths
from lora_advisor.settings import Settings
from lora_advisor.source import parse
from tests.frameworks.rows import recipes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.frameworks.rows import Wanted

TWO = "a = LoraConfig(r=8)\nb = LoraConfig(r=16)\n"
NOTEBOOK: dict[str, tuple[list[str], Wanted]] = {
    "a command in a cell": (
        ["!pip install trl\n!accelerate launch --num_processes 2 train.py --lora_r 8 --use_peft"],
        [{"r": 8, "processes": 2}],
    ),
    "a program and a command": (
        ["LoraConfig(r=4)", "!swift sft --model a/b --tuner_type lora --lora_rank 8"],
        [{"r": 4}, {"r": 8}],
    ),
    "a config that a cell writes": (
        [
            ("%%writefile c.yaml\nmodel_name_or_path: a/b\nstage: sft\nfinetuning_type: lora\n"
            "lora_rank: 16\n"),
            "!llamafactory-cli train c.yaml",
        ],
        [{"r": 16, "alpha": 32}],
    ),
    "pip lines": (
        ["!pip install -q peft \\\n  transformers\n", "%%capture\n%pip install trl\n",
         "c = LoraConfig(r=8)\n"],
        [{"r": 8}],
    ),
    "a value of an earlier cell": (["R = 16\n", "LoraConfig(r=R)\n"], [{"r": 16}]),
    "another language": (["%%bash\nfor i in 1; do echo $i; done\n", "LoraConfig(r=8)\n"],
                         [{"r": 8}]),
    "a cell that sets a value anew": (["R = 8\n", "R = 16\n", "LoraConfig(r=R)\n"], [{"r": 16}]),
    "a broken cell about something else": (
        ["inputs = f(\n  a=1\n  b=2)\n", "LoraConfig(r=8)\n"], [{"r": 8}]
    ),
    "a trainer in the next cell": (
        [TWO, "SFTTrainer(args=SFTConfig('o'), peft_config=b)\n"],
        [{"r": 16}, {"r": 8}],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "wanted"), NOTEBOOK.values(), ids=NOTEBOOK.keys())
def test_notebook(cells: list[str], wanted: Wanted) -> None:
    made = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    assert recipes(json.dumps({"cells": made}), "a.ipynb", wanted) == wanted


def test_a_broken_cell_that_configures_a_training_is_an_error() -> None:
    cells = [{"cell_type": "code", "source": ["LoraConfig(r=8\n", "b)\n"]}]
    with pytest.raises(Exception, match="not valid Python"):
        parse(json.dumps({"cells": cells}), "a.ipynb")


@pytest.mark.parametrize("indent", [None, 1])
def test_imports_of_cells_are_judged(tmp_path: Path, indent: int | None) -> None:
    lines = ["from trl import (\n", "    SFTConfig,\n", "    setup_chat_format,\n", ")\n"]
    train = ["SFTTrainer(args=SFTConfig('o'), peft_config=LoraConfig(r=8))\n"]
    cells = [{"cell_type": "code", "source": source} for source in (lines, train)]
    file = tmp_path / "train.ipynb"
    file.write_text(json.dumps({"cells": cells, "nbformat": 4}, indent=indent), encoding="utf-8")
    found = [f.value for f in check_paths([file], Settings()).findings if f.code == "LA082"]
    assert found == ["setup_chat_format"]
