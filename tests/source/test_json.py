from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor.source import parse
from lora_advisor.source.errors import SourceError
from lora_advisor.source.scalars import json_value, plain_value
from lora_advisor.source.tree import Mapping, Scalar

from .trees import scalars

DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(DATA, st.sampled_from([None, 2]), st.booleans())
def test_values_equal_the_library(data: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    value = plain_value(parse(text, "x.json").roots[0], json_value)
    assert repr(value) == repr(json.loads(text))  # repr: nan equals nan, 1 differs from 1.0


@given(DATA, st.sampled_from([None, 2]))
def test_spans_slice_to_the_raw_text(data: Any, indent: int | None) -> None:
    text = json.dumps(data, indent=indent)
    for scalar in scalars(parse(text, "x.json").roots):
        again = parse(text[scalar.span.start : scalar.span.end], "x.json").root
        assert isinstance(again, Scalar)
        assert (again.text, again.plain) == (scalar.text, scalar.plain)


@given(st.text(st.sampled_from('{}[]:,"\\ue-10.tn/ \n'), max_size=12))
def test_what_the_library_refuses_is_refused(text: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        if text.strip():
            with pytest.raises(SourceError):
                parse(text, "x.json")
    else:
        assert parse(text, "x.json").roots


def test_half_a_surrogate_pair_becomes_printable() -> None:
    node = parse(r'{"a": "\ud800"}', "x.json").root
    assert isinstance(node, Mapping)
    value = node.get("a")
    assert isinstance(value, Scalar)
    assert value.text == "?"


def test_keys_written_twice_are_both_there() -> None:
    root = parse('{"r": 8, "r": 16}', "x.json").root
    assert isinstance(root, Mapping)
    assert len(root.entries) == 2
    assert plain_value(root, json_value) == {"r": 16}


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ('{"r": 8,}', 1, 8, "no trailing comma"),
        ('{\n  // rank\n  "r": 8}', 2, 3, "a comment"),
        ('{"r" 8}', 1, 6, "':' after the key"),
        ("{'r': 8}", 1, 2, "a key in double quotes"),
        ('{"r": 8', 1, 8, "the end of the file"),
        ('{"r": 8}\n{"r": 9}\n', 2, 1, "JSON Lines"),
        ('[1]\n["a"]\n', 2, 1, "JSON Lines"),
        ('{"r": 08}', 1, 7, "a value"),
        ('{"r": "a\nb"}', 1, 9, "in a string"),
        ("[" * 50_000, 1, 102, "deeper than 100"),
        (f"[{','.join('1' * 200_001)}]", 1, None, "200,000 values"),
    ],
)
def test_refusals(text: str, line: int, column: int | None, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text, "x.json")
    assert words in caught.value.message
    assert caught.value.line == line
    assert column is None or caught.value.column == column
