"""Notebooks: cells as one program, places in the file's own text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor.source import parse
from lora_advisor.source.errors import SourceError
from lora_advisor.source.scalars import UNKNOWN_TAG, plain_value, python_value
from lora_advisor.source.tree import Mapping

CELLS = [
    ["!pip install peft\n", "%%time\n", "R = 8\n", 'name = "ü\\"quoted\\""'],
    ["if True:\n", "    !ls\n", "config = LoraConfig(r=R,\n", '    task_type="CAUSAL_LM")'],
]


def notebook(cells: list[list[str]], *, ascii_only: bool = True) -> str:
    code = [{"cell_type": "code", "source": lines, "outputs": []} for lines in cells]
    prose = {"cell_type": "markdown", "source": ["LoraConfig(r=99)"]}
    return json.dumps({"cells": [prose, *code]}, indent=1, ensure_ascii=ascii_only)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_arguments_and_places(ascii_only: bool) -> None:
    text = notebook(CELLS, ascii_only=ascii_only)
    document = parse(text, "train.ipynb")
    assert isinstance(document.root, Mapping)
    call = document.root.get("LoraConfig")
    assert isinstance(call, Mapping)
    plain = plain_value(call, lambda s: "?" if s.tag == UNKNOWN_TAG else python_value(s))
    assert plain == {"r": 8, "task_type": "CAUSAL_LM"}
    spelled = [text[e.value.span.start : e.value.span.end] for e in call.entries]
    assert spelled == ["R", '\\"CAUSAL_LM\\"']
    place = document.place(call.entries[0].value.span)
    assert text.splitlines()[place.line - 1][place.column - 1 :].startswith("R,")


def test_syntax_error_has_its_place_in_the_file() -> None:
    text = notebook([["LoraConfig()\n", "y = )\n"]])
    with pytest.raises(SourceError) as caught:
        parse(text, "train.ipynb")
    assert text.splitlines()[caught.value.line - 1].strip().startswith('"y = )')


@given(
    st.lists(st.lists(st.text(alphabet="ab =\"'\\né😀!%#()", max_size=12), max_size=3), max_size=3)
)
def test_any_cells_are_read_or_refused(cells: list[list[str]]) -> None:
    text = notebook(cells)
    try:
        document = parse(text, "train.ipynb")
    except SourceError:
        return
    for comment in document.comments:
        assert text[comment.span.start] == "#"


def test_shell_lines_are_a_script_of_their_own() -> None:
    """A command in a cell is read with its place; what Python fills in is not known."""
    text = notebook(
        [
            [
                "BASE = 'x'\n",
                "!pip install peft\n",
                "!python train.py --lora_r 8 \\\n",
                "  --model {BASE}",
            ],
            ["%%bash\n", "export R=16\n", "python other.py --lora_r $R"],
            ["%env LR=2e-4\n", "!python third.py --learning_rate $LR --lora_r 4"],
        ]
    )
    (part,) = parse(text, "train.ipynb").parts
    assert part.format == "shell"
    shown = [
        {
            e.key.text: (getattr(e.value, "text", ""), getattr(e.value, "tag", None))
            for e in r.entries
        }
        for r in part.roots
        if isinstance(r, Mapping)
    ]
    found = [flags for flags in shown if "lora_r" in flags]
    assert [flags["lora_r"] for flags in found] == [("8", None), ("16", None), ("4", None)]
    assert found[0]["model"][1] == UNKNOWN_TAG
    assert found[2]["learning_rate"] == ("2e-4", None)
    rank = next(
        e for r in part.roots if isinstance(r, Mapping) for e in r.entries if e.key.text == "lora_r"
    )
    assert text[rank.key.span.start : rank.key.span.end] == "lora_r"
    assert text[rank.value.span.start : rank.value.span.end] == "8"


def test_a_file_that_a_cell_writes_is_read_in_its_own_format() -> None:
    text = notebook(
        [
            [
                "%%writefile configs/qlora.yaml\n",
                "base_model: a/b\n",
                "adapter: lora # é\n",
                "lora_r: 8\n",
            ],
            ["%%writefile train.py\n", "from peft import LoraConfig\n", "c = LoraConfig(r=4)\n"],
            ["%%writefile notes.txt\n", "LoraConfig("],
            ["%%writefile broken.yaml\n", "a: [1"],
        ]
    )
    document = parse(text, "train.ipynb")
    assert isinstance(document.root, Mapping)
    assert not document.root.entries
    config, script = document.parts
    assert (config.format, script.format) == ("yaml", "python")
    assert isinstance(config.root, Mapping)
    entry = config.root.entry("lora_r")
    assert entry is not None
    assert text[entry.key.span.start : entry.value.span.end] == "lora_r: 8"
    assert config.place(entry.key.span).line > 1
    assert isinstance(script.root, Mapping)
    assert "LoraConfig" in script.root


def test_commands_in_a_script_that_was_saved_from_a_notebook() -> None:
    text = "import os\n!swift sft --tuner_type lora --lora_rank 8\nx = 1\n"
    (part,) = parse(text, "train.py").parts
    (command,) = part.roots
    assert isinstance(command, Mapping)
    entry = command.entry("lora_rank")
    assert entry is not None
    assert text[entry.value.span.start : entry.value.span.end] == "8"
