"""The condition language: Kleene logic, closed grammar, no escape."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor.condition import Condition, Tree
from lora_advisor.expression import ExpressionError, names, parse
from lora_advisor.recipe import UNKNOWN

FACTS: dict[str, object] = {
    "lora.r": 8,
    "lora.lora_alpha": 16.0,
    "lora.init_lora_weights": "pissa_niter_4",
    "lora.target_modules": ["q_proj", "v_proj"],
    "lora.lora_dropout": None,
    "lora.bias": UNKNOWN,
}


def value_of(text: str) -> object:
    def field(function: str, name: str) -> object:
        return FACTS[name] is not UNKNOWN if function == "known" else FACTS[name] is not None

    return Condition(parse(text)).function(FACTS.__getitem__, field)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lora.r == 8", True),
        ("lora.lora_alpha / lora.r > 4", False),
        ("0 < lora.r <= 8", True),
        ("lora.r in [4, 8]", True),
        ("'q_proj' in lora.target_modules and len(lora.target_modules) == 2", True),
        ("startswith(lora.init_lora_weights, 'pissa')", True),
        ("matches(lora.init_lora_weights, 'pissa(_niter_[0-9]+)?')", True),
        ("lora.lora_dropout == None", True),
        ("lora.lora_dropout > 0", UNKNOWN),
        ("lora.lora_dropout is not None", False),
        ("lora.bias == 'none'", UNKNOWN),
        ("lora.bias == 'none' and lora.r == 4", False),
        ("lora.r == 8 or lora.bias == 'none'", True),
        ("not lora.bias == 'none'", UNKNOWN),
        ("known(lora.bias) or written(lora.r)", True),
        ("lora.r / 0 > 1", UNKNOWN),
        ("lora.init_lora_weights * 3 == 1", UNKNOWN),
        ("-lora.r == -8", True),
        ("sqrt(lora.lora_alpha) == 4", True),
    ],
)
def test_value(text: str, expected: object) -> None:
    assert value_of(text) is expected


@pytest.mark.parametrize(
    "attack",
    [
        "().__class__",
        "lora.__class__",
        "lora.r.real",
        "__import__('os')",
        "open('x')",
        "[x for x in lora.target_modules]",
        "lambda: 1",
        "f'{lora.r}'",
        "lora.r ** 9",
        "lora.target_modules[0]",
        "(x := 1)",
        "len(*lora.target_modules)",
        "matches(lora.bias, lora.bias)",
        "lora.r if lora.bias else 1",
        "{'a': 1}",
        "b'bytes'",
        "1j",
        "...",
        "written('text')",
        "lora",
        "lora.r << 40",
        "await lora.r",
        "",
        "1 +",
    ],
)
def test_refuses(attack: str) -> None:
    with pytest.raises(ExpressionError):
        parse(attack)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        tree = parse(text)
    except ExpressionError:
        return
    assert json.loads(json.dumps(tree)) == tree


LEAVES = st.sampled_from([f"{name} == 8" for name in FACTS] + ["True", "False", "lora.r < 3"])
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_unknown_never_decides_what_a_value_would_change(text: str) -> None:
    """Where the result is known, it is the same for every value the unknown could have."""
    tree = parse(text)
    outcome = _with_bias(tree, UNKNOWN)
    if outcome is not UNKNOWN:
        assert {_with_bias(tree, value) for value in (8, "none", None)} == {outcome}


def _with_bias(tree: Tree, value: object) -> object:
    facts = {**FACTS, "lora.bias": value}
    return Condition(tree).function(
        facts.__getitem__, lambda _function, name: facts[name] is not None
    )


def test_names_are_those_read() -> None:
    tree = parse("lora.r > 3 and (written(lora.bias) or len(lora.target_modules) in [1, 2])")
    assert list(names(tree)) == ["lora.r", "lora.bias", "lora.target_modules"]
