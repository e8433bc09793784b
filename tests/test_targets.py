from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from lora_advisor.targets import (
    CURRENT,
    Target,
    TargetError,
    Targets,
    either,
    from_options,
    from_requirement,
    holds,
)

NOW = CURRENT["peft"]


@pytest.mark.parametrize(
    ("requirement", "low", "high"),
    [
        ("peft==0.17.1", "0.17.1", "0.17.1"),
        ("peft===0.17.1", "0.17.1", "0.17.1"),
        ("peft==0.17.*", "0.17", "0.17.9999"),
        ("peft~=0.17.1", "0.17.1", "0.17.9999"),
        ("peft~=0.17", "0.17", NOW),
        ("peft>=0.15", "0.15", NOW),
        ("peft>=0.15,<0.18", "0.15", "0.17.9999"),
        ("peft<0.18,>=0.15", "0.15", "0.17.9999"),
        ("peft>=0.10,>=0.15,<0.18,<0.17", "0.15", "0.16.9999"),
        ("peft>0.15", "0.15.0.1", NOW),
        ("peft<=0.15", None, "0.15"),
        ("peft<1", None, NOW),
        ("peft<0.10", None, "0.9.9999"),
        ("peft<0.10.1", None, "0.10.0.9999"),
        ("peft!=0.15", None, NOW),
        ("peft==99.0", "99.0", "99.0"),
        ("peft>=99", "99", "99"),
        ("PEFT[extra] >= 0.15 ; python_version > '3.9'", "0.15", NOW),
        ("peft==0.17.0.dev0", "0.17.0.dev0", "0.17.0.dev0"),
    ],
)
def test_a_requirement_bounds_the_releases(requirement: str, low: str | None, high: str) -> None:
    found = from_requirement(requirement, "x")
    assert found is not None
    assert (found[0], found[1].low, found[1].high) == ("peft", low, high)


@pytest.mark.parametrize(
    "requirement", ["peft>=0.15", "peft>0.15", "peft!=0.15", "peft>=0.1,!=0.2"]
)
def test_a_lower_bound_states_no_release(requirement: str) -> None:
    found = from_requirement(requirement, "x")
    assert found is not None
    assert (found[1].high, found[1].source) == (NOW, "current")


@pytest.mark.parametrize(
    ("requirement", "release"),
    [("peft==0.17.1", "0.17.1"), ("peft~=0.17.1", "0.17.*"), ("peft<0.18", "0.17.*")],
)
def test_a_pin_or_an_upper_bound_states_one(requirement: str, release: str) -> None:
    found = from_requirement(requirement, "x")
    assert found is not None
    assert (found[1].release, found[1].source) == (release, "x")


@pytest.mark.parametrize("requirement", ["numpy==2", "peft", "peft @ git+https://example.org/peft"])
def test_a_requirement_that_bounds_nothing_known(requirement: str) -> None:
    assert from_requirement(requirement, "x") is None


def test_a_requirement_that_is_none() -> None:
    with pytest.raises(TargetError, match="cannot read"):
        from_requirement("peft = = 1", "x")


def test_options() -> None:
    known = from_options(["peft=0.17", "trl==0.12.1", "torch=>=2.1,<2.4"]).known
    assert known["peft"] == Target(low="0.17", high="0.17", source="--target")
    assert known["trl"].high == "0.12.1"
    assert (known["torch"].low, known["torch"].high) == ("2.1", "2.3.9999")


@pytest.mark.parametrize("text", ["peft", "numpy=1", "peft=x.y", "peft=", "=1"])
def test_wrong_options_are_named(text: str) -> None:
    with pytest.raises(TargetError, match=r"peft|PACKAGE"):
        from_options([text])


def test_what_may_and_what_surely_holds() -> None:
    targets = from_options(["peft=>=0.15,<0.18"])
    assert targets.may_hold({"peft": ">=0.17"})
    assert not targets.surely_hold({"peft": ">=0.17"})
    assert targets.surely_hold({"peft": ">=0.14"})
    assert not targets.may_hold({"peft": ">=0.18"})
    assert Targets().may_hold({"peft": f">={NOW}"})
    assert not Targets().surely_hold({"peft": ">=0.1"}), "nothing is known of the oldest"


def test_either_of_two_targets() -> None:
    old, new = (Target(low=v, high=v, source=v) for v in ("0.9", "0.10"))
    assert either(old, new) == Target(low="0.9", high="0.10", source="0.10")
    anything = Target(low=None, high="0.12", source="")
    assert either(new, anything) == Target(low=None, high="0.12", source="")


releases = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)
clauses = st.lists(
    st.tuples(st.sampled_from([">=", "<=", "==", "!=", "<", ">"]), releases), min_size=1, max_size=3
).map(lambda pairs: ", ".join(f"{sign}{release}" for sign, release in pairs))


@given(clauses, releases)
def test_plain_releases_compare_as_packaging_does(specifier: str, release: str) -> None:
    assert holds(specifier, release) == SpecifierSet(specifier).contains(release, prereleases=True)


@pytest.mark.parametrize(
    ("specifier", "version", "inside"),
    [("~=0.17.1", "0.17.5", True), ("==0.17.*", "0.17.5", True), (">=0.17", "0.17.0rc1", False)],
)
def test_other_specifiers_go_to_packaging(specifier: str, version: str, inside: bool) -> None:
    assert holds(specifier, version) is inside
