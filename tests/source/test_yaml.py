from __future__ import annotations

import math
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor.source import parse
from lora_advisor.source import yaml as reader
from lora_advisor.source.errors import SourceError
from lora_advisor.source.scalars import plain_value, yaml11
from lora_advisor.source.tree import Mapping, Scalar, Sequence

from .trees import nodes, scalars

if TYPE_CHECKING:
    from lora_advisor.source.tree import Document, Node

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORDS,
    st.sampled_from(["yes", "2e-4", "# no", "a: b", "line\nline\n", "|", "*x", "&x", "!t", "<<"]),
)  # fmt: skip
DATA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


def read(text: str) -> Document:
    return parse(text, "x.yaml")


def top(text: str) -> Mapping:
    root = read(text).root
    assert isinstance(root, Mapping)
    return root


def plain(text: str) -> Any:
    return plain_value(top(text), yaml11)


def raw(text: str, node: Node | None) -> str:
    assert node is not None
    return text[node.span.start : node.span.end]


@given(DATA, st.sampled_from([None, True, False]), st.booleans(), st.sampled_from([None, '"', "|"]))
def test_values_equal_safe_load(data: Any, flow: bool | None, uni: bool, style: str | None) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=uni, default_style=style)
    document = read("# c\n" + text)
    assert plain_value(document.roots[0], yaml11) == yaml.safe_load(text)


@given(DATA, st.sampled_from([None, True, False]), st.booleans())
def test_spans_slice_to_the_raw_text(data: Any, flow: bool | None, uni: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=uni)
    document = read(text)
    for scalar in scalars(document.roots):
        again = read(f"- {raw(text, scalar)}").root
        assert isinstance(again, Sequence)
        item = again.items[0] if again.items else Scalar(text="", plain=True, span=again.span)
        assert isinstance(item, Scalar)
        assert (item.text, item.plain) == (scalar.text, scalar.plain)


@given(DATA)
def test_a_node_lies_inside_its_parent(data: Any) -> None:
    for node in nodes(read(yaml.safe_dump(data)).roots):
        children: list[Node] = []
        if isinstance(node, Sequence):
            children = list(node.items)
        elif isinstance(node, Mapping):
            children = [child for entry in node.entries for child in (entry.key, entry.value)]
        for child in children:
            assert node.span.start <= child.span.start <= child.span.end <= node.span.end


@given(DATA)
def test_the_pure_reader_gives_the_same_tree(data: Any) -> None:
    text = "# c\n" + yaml.safe_dump(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_LOADER", yaml.SafeLoader)
        slow = read(text)
    fast = read(text)
    assert astuple(slow) == astuple(fast)


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff\ufeff"])
def test_after_a_byte_order_mark_places_are_right(mark: str) -> None:
    document = parse((mark + "lora_r: 8\n").encode(), "x.yaml")
    assert isinstance(document.root, Mapping)
    value = document.root.get("lora_r")
    assert value is not None
    assert (raw(document.text, value), document.place(value.span).column) == ("8", 9)


def test_characters_beyond_the_basic_plane_count_as_one() -> None:
    text = "a: '😀é' # x😀\nb: 2\n"
    assert [raw(text, top(text).get(key)) for key in "ab"] == ["'😀é'", "2"]


def test_an_anchor_and_a_tag_are_not_part_of_a_span() -> None:
    text = "a: &x !!str 5\nb: !!map &y # c\n  &k k: 1\nc: !t\nd: &e\ne: &l [1]\n"
    found = [raw(text, top(text).get(key)) for key in "abcde"]
    assert found == ["5", "&k k: 1", "", "", "[1]"]
    assert [getattr(top(text).get(key), "tag", None) for key in "ac"] == [
        "tag:yaml.org,2002:str", "!t",
    ]  # fmt: skip


def test_an_empty_value_lies_just_after_the_colon() -> None:
    node = top("adapter:   \nr: 8\n").get("adapter")
    assert isinstance(node, Scalar)
    assert (node.text, node.plain, node.span.start, node.span.end) == ("", True, 8, 8)


def test_a_block_ends_with_its_last_item() -> None:
    text = "lora:\n  r: 8\n  # about alpha\n\n\nother: 1\n"
    assert raw(text, top(text).get("lora")) == "r: 8"


def test_comments() -> None:
    text = "# 1\na: 'x # no' # 2\nb: x#no\nc: | # 3\n  # no\nd: [1, # 4\n  2]# 5\ne: \"#\" #\n#6"
    document = read(text)
    assert [comment.text for comment in document.comments] == [
        " 1",
        " 2",
        " 3",
        " 4",
        " 5",
        "",
        "6",
    ]
    assert all(text[comment.span.start] == "#" for comment in document.comments)


def test_keys_written_twice_are_both_there() -> None:
    mapping = top("r: 8\nq: 1\nr: 16\n")
    assert [entry.key.text for entry in mapping.entries] == ["r", "q", "r"]
    assert plain_value(mapping, yaml11) == {"r": 16, "q": 1}
    assert mapping.keys() == ["r", "q"]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {x: 1, y: 2}\nb:\n  y: 3\n  <<: *a\n",
        "a: &a {x: 1, y: 2}\nc: &c {w: 9, z: 3}\nb:\n  <<: [*a, *c]\n  z: 4\n",
        "a: &a {rank: 1}\nc: &c {rank: 2}\nb:\n  <<: *a\n  <<: *c\n",
        "a: &a {rank: 1, rank: 5}\nc: &c {<<: *a, z: 3}\nb: {<<: *c, <<: *a}\n",
        "b: {'<<': 1, \"y\": 2}\n",
    ],
)
def test_merge_keys_as_in_pyyaml(text: str) -> None:
    assert plain(text) == yaml.safe_load(text)


def test_the_first_mapping_of_a_merged_list_wins() -> None:
    text = "a: &a {rank: 1}\nc: &c {rank: 9, alpha: 3}\nb:\n  <<: [*a, *c]\n"
    assert plain(text)["b"] == {"rank": 1, "alpha": 3}


def test_merged_entries_say_so() -> None:
    mapping = top("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n").get("b")
    assert isinstance(mapping, Mapping)
    assert [(entry.key.text, entry.merged) for entry in mapping.entries] == [
        ("y", False), ("x", True),
    ]  # fmt: skip


def test_an_alias_has_its_own_span() -> None:
    text = "a: &a [1, 2]\nb: *a\n"
    alias = top(text).get("b")
    assert isinstance(alias, Sequence)
    assert (raw(text, alias), raw(text, alias.items[0])) == ("*a", "1")


def test_several_documents() -> None:
    document = read("--- \n- 1\n...\n---\na: 1\n---\n")
    assert [plain_value(root, yaml11) for root in document.roots] == [[1], {"a": 1}, None]


LAUGHS = "a0: &a0 [1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
CHAIN = "- &a0 [1]\n" + "".join(f"- &a{n} [*a{n - 1}]\n" for n in range(1, 400))


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("\ta: 1", 1, 1, "a tab"),
        ("a: 1\n\tb: 2", 2, 1, "a tab"),
        ("a: b: c", 1, 5, "needs quotes"),
        ("a:1\nb: 2", 2, 2, "no space after its colon"),
        ("a: [1, 2\nb: 1", 2, 2, "not closed"),
        ("a: 'x\nb: 1", 2, 5, "not closed"),
        ("a: @x", 1, 4, "needs quotes"),
        ("a: *all", 1, 4, "needs quotes"),
        ("a: &a 1\nb: &a 2", 2, 4, "written twice"),
        ("a: &a [*a]", 1, 8, "inside its own anchor"),
        ("r: {{ rank }}", 1, 5, "template"),
        ("{% if x %}\na: 1\n", 1, 2, "template"),
        ("chat: '{{ x }}'\nq: 1\na: b: c", 3, 5, "needs quotes"),
        ("? [1]\n: 2", 1, 3, "cannot be a key"),
        ("a: 1\n<<: 3", 2, 1, "merges a mapping"),
        ("é: 😀\nb: \x07", 2, 4, "control characters"),
        ("[" * 50_000, 1, None, "deeper than 100"),
        ("- " * 50_000, 1, 201, "deeper than 100"),
        (LAUGHS, 6, None, "200,000 values"),
        (CHAIN, None, None, "deeper than 100 levels by aliases"),
        ("\n".join("- 1" for _ in range(200_001)), 200_000, 3, "200,000 values"),
    ],
)
def test_refusals(text: str, line: int | None, column: int | None, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(text)
    assert words in caught.value.message
    assert line is None or caught.value.line == line
    assert column is None or caught.value.column == column


def test_a_template_elsewhere_is_not_blamed() -> None:
    with pytest.raises(SourceError) as caught:
        read("chat: '{{ x }}'\nq: 1\na: b: c")
    assert "template" not in caught.value.message


def test_not_a_number_is_one() -> None:
    assert math.isnan(plain("a: .nan")["a"])
