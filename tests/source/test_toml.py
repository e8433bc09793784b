from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor.source import parse
from lora_advisor.source.errors import SourceError
from lora_advisor.source.scalars import plain_value, toml_value
from lora_advisor.source.tree import Mapping, Scalar, Sequence

from .trees import scalars

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KEYS = st.sampled_from(["a", "b", "r", "lora-r", "1", '"q.x"', "'l it'", '"\\u00e9"'])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8)
VALUES = st.recursive(
    st.one_of(
        st.sampled_from(["true", "false", "1_000", "0xff", "-3", "2e-4", "1.5", "inf", "-nan"]),
        st.sampled_from(['"a\\tb"', "'''x\n'y'\n'''", '"""\nq""q"""""', '"""a\\\n   b"""']),
        TEXTS.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n # c\n" + ", # d\n".join(items) + "]"),
        st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=5,
)
DOTTED = st.lists(KEYS, min_size=1, max_size=3).map(" . ".join)
LINES = st.one_of(
    st.builds("{} = {} # note".format, DOTTED, VALUES),
    DOTTED.map("[{}]".format),
    DOTTED.map("[[ {} ]] # t".format),
    st.just("# only a comment"),
)


def plain(text: str) -> Any:
    document = parse(text, "x.toml")
    return plain_value(document.roots[0], toml_value) if document.roots else {}


@given(st.lists(LINES, max_size=7).map("\n".join))
def test_values_equal_tomllib(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(SourceError):
            parse(text, "x.toml")
        return
    assert repr(plain(text)) == repr(expected)  # repr: nan equals nan, 1 differs from 1.0


@given(st.lists(LINES, max_size=7).map("\n".join))
def test_spans_slice_to_the_raw_text(text: str) -> None:
    try:
        document = parse(text, "x.toml")
    except SourceError:
        return
    for scalar in scalars(document.roots, keys=False):
        raw = text[scalar.span.start : scalar.span.end]
        again = parse(f"x = {raw}", "x.toml").roots[0].get("x")  # type: ignore[union-attr]
        assert isinstance(again, Scalar)
        assert (again.text, again.plain) == (scalar.text, scalar.plain)


def test_windows_line_ends() -> None:
    assert plain("a = 1\r\n[t]\r\nb = '''\r\nx\r\n'''\r\n") == {"a": 1, "t": {"b": "x\n"}}


def test_a_table_spans_its_header_and_its_keys() -> None:
    text = "x = 1\n[lora.a]\nr = 8 # rank\nq = 'v'\n[other]\n[lora.b]\n"
    root = parse(text, "x.toml").root
    assert isinstance(root, Mapping)
    lora = root.get("lora")
    assert isinstance(lora, Mapping)
    table = lora.get("a")
    assert isinstance(table, Mapping)
    assert text[table.span.start : table.span.end] == "[lora.a]\nr = 8 # rank\nq = 'v'"


def test_an_array_of_tables_spans_all_of_them() -> None:
    text = "[[d]]\np = 1\n[[d]]\np = 2\n"
    root = parse(text, "x.toml").root
    assert isinstance(root, Mapping)
    tables = root.get("d")
    assert isinstance(tables, Sequence)
    assert text[tables.span.start : tables.span.end] == text.strip()


def test_comments_stand_outside_strings() -> None:
    document = parse("a = '#no' # yes\n# two\n", "x.toml")
    assert [comment.text for comment in document.comments] == [" yes", " two"]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a 1", 1, 3, "expected '='"),
        ("a = 1\na = 2\n", 2, 6, "overwrite"),
        ("a = [1,\n", 2, 1, "at the end of the file"),
        ("a = " + "[" * 50_000, None, None, ""),
        ("a = " + "[" * 150 + "]" * 150, 1, None, "nested deeper than 100"),
        (".".join("a" * 3000) + " = 1", 1, None, "nested deeper than 100"),
        ("[" + ".".join("a" * 3000) + "]", 1, None, "nested deeper than 100"),
        ("a = " + "9" * 5000, 1, 1, "digits"),
    ],
)
def test_refusals(text: str, line: int | None, column: int | None, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text, "x.toml")
    assert words in caught.value.message.lower()
    assert line is None or caught.value.line == line
    assert column is None or caught.value.column == column
