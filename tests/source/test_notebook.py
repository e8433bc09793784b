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
