from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor import source
from lora_advisor.source.edits import (
    Edit,
    NotEditableError,
    apply,
    inserted,
    removed,
    renamed,
    replaced,
    value_of,
)
from lora_advisor.source.tree import Document, Entry, Mapping, Node, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = st.sampled_from(["lora_r", "lora_alpha", "learning_rate", "bf16", "optim", "note"])
SCALARS = st.one_of(
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=12),
    st.lists(st.sampled_from(["q_proj", "v_proj"]), max_size=3),
)
FLAT = st.dictionaries(NAMES, SCALARS, min_size=1)


def entry(document: Document, name: str) -> Entry:
    assert isinstance(document.root, Mapping)
    found = document.root.entry(name)
    assert found is not None
    return found


def as_yaml(data: dict[str, Any]) -> str:
    lines = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10**6).splitlines()
    return "# top\n" + "".join(f"{line}  # of {n}\n" for n, line in enumerate(lines))


def as_json(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False)


@dataclass(frozen=True)
class Syntax:
    name: str
    write: Callable[[dict[str, Any]], str]
    load: Callable[[str], Any]


SYNTAXES = pytest.mark.parametrize(
    "syntax",
    [Syntax("a.yaml", as_yaml, yaml.safe_load), Syntax("a.json", as_json, json.loads)],
    ids=lambda syntax: syntax.name,
)


@SYNTAXES
@given(data=FLAT, value=SCALARS, pick=st.randoms())
def test_only_the_replaced_value_changes(
    syntax: Syntax, data: dict[str, Any], value: object, pick: Any
) -> None:
    key = pick.choice(sorted(data))
    document = source.parse(syntax.write(data), syntax.name)
    try:
        text = apply(document.text, [replaced(document, entry(document, key).value.span, value)])
    except NotEditableError:
        assert isinstance(data[key], list)  # a block list, and no list in its place
        return
    assert syntax.load(text) == {**data, key: value}
    assert text.count("# of") == document.text.count("# of") or isinstance(data[key], list)


@SYNTAXES
@given(data=FLAT, pick=st.randoms())
def test_only_the_removed_key_goes(syntax: Syntax, data: dict[str, Any], pick: Any) -> None:
    key = pick.choice(sorted(data))
    document = source.parse(syntax.write(data), syntax.name)
    text = apply(document.text, [removed(document, entry(document, key).key.span)])
    rest = {other: value for other, value in data.items() if other != key}
    assert (syntax.load(text) or {}) == rest


@SYNTAXES
@given(data=FLAT, value=SCALARS, near=st.integers(0, 200))
def test_only_the_inserted_key_comes(
    syntax: Syntax, data: dict[str, Any], value: object, near: int
) -> None:
    document = source.parse(syntax.write(data), syntax.name)
    text = apply(document.text, [inserted(document, "max_steps", value, near)])
    assert syntax.load(text) == {**data, "max_steps": value}


CALL = """\
config = LoraConfig(
    r=8,  # the rank
    lora_alpha=16,
    target_modules=["q_proj"], bias='none',
)
one = TrainingArguments("out", learning_rate=2e-5, fp16=True)
"""


def edited(text: str, name: str, *paths: tuple[str, object]) -> str:
    """Replace, remove (None) or, with a ``+``, insert by path."""
    document = source.parse(text, name)
    edits = []
    for path, value in paths:
        section, _, key = path.lstrip("+").rpartition(".")
        root = document.root
        if path.startswith("+"):
            edits.append(inserted(document, path[1:], value, 0))
            continue
        if section:
            assert isinstance(root, Mapping)
            root = root.get(section)
        assert isinstance(root, Mapping)
        found = root.entry(key)
        assert found is not None
        edits.append(
            removed(document, found.key.span)
            if value is None
            else replaced(document, found.value.span, value)
        )
    return apply(text, edits)


def test_a_call() -> None:
    assert edited(
        CALL,
        "a.py",
        ("LoraConfig.r", 16),
        ("LoraConfig.lora_alpha", None),
        ("LoraConfig.bias", "all"),
        ("+LoraConfig.use_rslora", True),
        ("TrainingArguments.fp16", None),
        ("TrainingArguments.learning_rate", 2e-4),
    ) == (
        "config = LoraConfig(\n"
        "    use_rslora=True,\n"
        "    r=16,  # the rank\n"
        "    target_modules=[\"q_proj\"], bias='all',\n"
        ")\n"
        'one = TrainingArguments("out", learning_rate=0.0002)\n'
    )


def test_a_command() -> None:
    text = "trl sft --lora_r 8 \\\n  --bf16 --learning_rate 2e-5 \\\n  --use_peft\n"
    assert edited(text, "a.sh", ("lora_r", 16), ("bf16", False), ("use_peft", None)) == (
        "trl sft --lora_r 16 --learning_rate 2e-5\n"
    )
    assert edited(text, "a.sh", ("+lora_alpha", 32)).startswith(
        "trl sft --lora_alpha 32 --lora_r 8"
    )
    with pytest.raises(NotEditableError, match="no value"):
        edited(text, "a.sh", ("bf16", "yes"))


def test_a_notebook_stays_one() -> None:
    cell = {"cell_type": "code", "source": ['LoraConfig(r=8, bias="none",\n', "  lora_alpha=16)"]}
    text = json.dumps({"cells": [cell], "nbformat": 4}, indent=1)
    new = edited(
        text, "a.ipynb", ("LoraConfig.bias", "all"), ("+LoraConfig.task_type", "CAUSAL_LM")
    )
    lines = json.loads(new)["cells"][0]["source"]
    assert lines[0] == 'LoraConfig(task_type="CAUSAL_LM", r=8, bias="all",\n'


def test_line_ends_and_quotes_stay() -> None:
    text = "a: 'x'\r\nb:\r\n  - one\r\n  - two\r\nc: 3 # three\r\n"
    assert edited(text, "a.yaml", ("a", "y"), ("b", ["three"]), ("c", None), ("+d", 1)) == (
        "d: 1\r\na: 'y'\r\nb:\r\n  - three\r\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: 1, b: 2}", "{a: 1}"),
        ("x: {b: 2, a: 1}", "x: {a: 1}"),
        ("a: 1\nb:\n  c: 1\n  d: 2\n# end\n", "a: 1\n# end\n"),
    ],
)
def test_removed_keys_leave_nothing_behind(text: str, expected: str) -> None:
    document = source.parse(text, "a.yaml")
    section = document.root
    assert isinstance(section, Mapping)
    inner = section.get("x")
    section = inner if isinstance(inner, Mapping) else section
    found = section.entry("b")
    assert found is not None
    assert apply(text, [removed(document, found.key.span)]) == expected


def test_what_has_no_place() -> None:
    document = source.parse("- a: 1\n  b: 2\n- c\n", "a.yaml")
    with pytest.raises(NotEditableError, match="no section"):
        inserted(document, "lora.r", 8, 0)
    with pytest.raises(NotEditableError, match="two changes"):
        apply("abc", [Edit(start=0, end=2, text=""), Edit(start=1, end=3, text="")])


def test_names_keep_their_quotes() -> None:
    document = source.parse('{"lora_aplha": 16}', "a.json")
    key = entry(document, "lora_aplha").key.span
    assert apply(document.text, [renamed(document, key, "lora_alpha")]) == '{"lora_alpha": 16}'
    value = value_of(document, key)
    assert document.text[value.start : value.end] == "16"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", "t: [a, b, c]  # x\n", "t: [a, c]  # x\n"),
        ("a.yaml", "t: [a, b]\n", "t: [a]\n"),
        ("a.yaml", "t:\n  - a  # one\n  - b\n  - c\n", "t:\n  - a  # one\n  - c\n"),
        ("a.yaml", "t:\r\n- a\r\n- b\r\nu: 1\r\n", "t:\r\n- a\r\nu: 1\r\n"),
        ("a.json", '{"t": ["a",\n  "b",\n  "c"]}', '{"t": ["a",\n  "c"]}'),
        ("a.toml", "t = ['a', 'b']\nr = 1\n", "t = ['a']\nr = 1\n"),
        ("a.py", "LoraConfig(t=('a', 'b', 'c'))\n", "LoraConfig(t=('a', 'c'))\n"),
    ],
)
def test_an_entry_of_a_list_goes_alone(name: str, text: str, expected: str) -> None:
    document = source.parse(text, name)
    assert apply(text, [removed(document, second(document).span)]) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", 't: [a, "b"]  # x\n', 't: [a, "new"]  # x\n'),
        ("a.yaml", "t:\n  - a\n  - b  # two\n", "t:\n  - a\n  - new  # two\n"),
        ("a.py", "LoraConfig(t=['a', 'b'])\n", "LoraConfig(t=['a', 'new'])\n"),
    ],
)
def test_an_entry_of_a_list_is_written_anew(name: str, text: str, expected: str) -> None:
    document = source.parse(text, name)
    at = value_of(document, second(document).span)
    assert apply(text, [replaced(document, at, "new")]) == expected


def test_the_last_entry_of_a_list_stays() -> None:
    document = source.parse("t: [a]\n", "a.yaml")
    (listed,) = lists(document)
    with pytest.raises(NotEditableError, match="nothing would be left"):
        removed(document, listed.items[0].span)


def second(document: Document) -> Node:
    (listed,) = lists(document)
    return listed.items[1]


def lists(document: Document) -> list[Sequence]:
    section = document.root
    assert isinstance(section, Mapping)
    inner = section.get("LoraConfig")
    found = (inner if isinstance(inner, Mapping) else section).get("t")
    assert isinstance(found, Sequence)
    return [found]


LIST = st.lists(st.sampled_from(["q_proj", "v_proj", "o_proj"]), min_size=2, max_size=5)


@SYNTAXES
@given(names=LIST, block=st.booleans(), pick=st.randoms())
def test_only_the_removed_entry_goes(
    syntax: Syntax, names: list[str], block: bool, pick: Any
) -> None:
    text = syntax.write({"lora_r": 8, "t": names, "note": "x"})
    if block and syntax.name == "a.yaml":
        text = yaml.safe_dump({"lora_r": 8, "t": names, "note": "x"}, default_flow_style=False)
    document = source.parse(text, syntax.name)
    (listed,) = lists(document)
    index = pick.randrange(len(names))
    changed = apply(document.text, [removed(document, listed.items[index].span)])
    left = [*names[:index], *names[index + 1 :]]
    assert syntax.load(changed) == {"lora_r": 8, "t": left, "note": "x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1  # lora-advisor: ignore[LA101] why\nb: 2\n", "a: 1\nb: 2\n"),
        ("# lora-advisor: ignore[LA101]\r\na: 1\r\n", "a: 1\r\n"),
        ("a: 1 # lora-advisor: ignore[LA101, x] y\n", "a: 1 # lora-advisor: ignore[x] y\n"),
    ],
)
def test_a_rule_goes_out_of_a_comment(text: str, expected: str) -> None:
    document = source.parse(text, "a.yaml")
    at = text.index("LA101")
    assert apply(text, [removed(document, Span(start=at, end=at + 5))]) == expected


def test_an_argument_without_a_name_goes_only_from_the_end() -> None:
    text = "DPOTrainer(model, reference, args, train_dataset=data)\n"
    with pytest.raises(NotEditableError, match="would take its place"):
        edited(text, "a.py", ("DPOTrainer.ref_model", None))
    text = "DPOTrainer(model, reference, args=args)\n"
    expected = "DPOTrainer(model, args=args)\n"
    assert edited(text, "a.py", ("DPOTrainer.ref_model", None)) == expected
