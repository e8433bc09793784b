from __future__ import annotations

import datetime as dt
import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from lora_advisor.source import parse
from lora_advisor.source.scalars import is_placeholder, yaml11, yaml12
from lora_advisor.source.tree import Scalar, Sequence

WORDS = ["yes", "No", "ON", "y", "null", "~", "True", "tRue", ".inf", "-.INF", ".NaN", "inf", "nan"]
SPELLED = st.one_of(
    st.text("0123456789abcdefx_.+-eE:oO", min_size=1, max_size=10),
    st.from_regex(r"[-+]?[0-9_]{1,3}(\.[0-9_]{0,3})?([eE][-+]?[0-9]{1,2})?", fullmatch=True),
    st.from_regex(r"[-+]?[0-9]{1,2}(:[0-9]{1,2}){1,3}(\.[0-9_]{0,2})?", fullmatch=True),
    st.sampled_from(WORDS),
    st.sampled_from(["int", "float", "bool", "null", "str"]).flatmap(
        lambda tag: st.sampled_from(["1", "1e-4", "yes", "~", "x"]).map(f"!!{tag} {{}}".format)
    ),
)


def loader_of_omegaconf() -> type[yaml.SafeLoader]:
    """Make OmegaConf 2.4's loader: its float rule after PyYAML's, and no timestamps."""

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [pair for pair in pairs if not pair[0].endswith("timestamp")]
            for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(
            r"^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)"
            r"|\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?"
            r"|[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+0123456789."),
    )
    return Loader


def first(text: str) -> Scalar | None:
    root = parse(f"- {text}\n", "x.yaml").root
    node = root.items[0] if isinstance(root, Sequence) else None
    return node if isinstance(node, Scalar) else None


def loaded(text: str, loader: type[yaml.SafeLoader]) -> tuple[bool, object]:
    """Return whether a loader takes the scalar, and what it makes of it."""
    try:
        value = yaml.load(f"- {text}\n", Loader=loader)[0]  # noqa: S506
    except (yaml.YAMLError, ValueError, KeyError, IndexError):
        return False, None
    return not isinstance(value, (dict, list, dt.date)), value


@given(SPELLED)
@example("2e-4")
@example("1:30.5")
@example("0b_")
@example("!!float 1e-4")
def test_yaml11_reads_as_safe_load(text: str) -> None:
    taken, value = loaded(text, yaml.SafeLoader)
    if taken:
        scalar = first(text)
        assert scalar is not None
        assert repr(yaml11(scalar)) == repr(value)


@given(SPELLED)
@example("2e-4")
@example("1E5")
@example("-.5")
@example(".5e3")
@example("2026-01-01")
def test_yaml12_reads_as_omegaconf(text: str) -> None:
    taken, value = loaded(text, loader_of_omegaconf())
    if taken:
        scalar = first(text)
        assert scalar is not None
        assert repr(yaml12(scalar)) == repr(value)


def test_what_pyyaml_cannot_make_a_number_of_stays_text() -> None:
    for text in ("0b_", "9" * 5000, "0x" + "f" * 5000):
        scalar = first(text)
        assert scalar is not None
        assert yaml11(scalar) == text


@pytest.mark.parametrize("text", ["${LR}", "a/${oc.env:X}/b", "{{ lr }}", "$LR", "x{{a}}"])
def test_placeholders(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["", "a$", "$5", "cost $LR", "{a}", "<your model>", "${open", "r$"]
)
def test_no_placeholders(text: str) -> None:
    assert not is_placeholder(text)
