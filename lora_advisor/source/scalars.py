"""How loaders read a scalar: PyYAML (YAML 1.1), OmegaConf, JSON and TOML."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.tree import Scalar, Sequence

if TYPE_CHECKING:
    from lora_advisor.source.tree import Node

Resolver = Callable[[Scalar], object]

_BOOLEANS_11: Final = {
    spelling: value
    for value, words in ((True, ("yes", "true", "on")), (False, ("no", "false", "off")))
    for word in words
    for spelling in (word, word.capitalize(), word.upper())
}
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_INT_11: Final = pattern(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)")
_SEXAGESIMAL_INT: Final = pattern(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+")
_FLOAT_11: Final = pattern(
    r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
)
_SEXAGESIMAL_FLOAT: Final = pattern(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*")
_FLOAT_12: Final = pattern(  # OmegaConf 2.4 adds these forms to PyYAML's and drops none
    _FLOAT_11.pattern + r"|[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9]+(?:_[0-9]+)*[eE][-+]?[0-9]+"
)
_INFINITE: Final = pattern(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FRACTION: Final = pattern(r"[.eEnN]")
_FIRST: Final = frozenset("-+.0123456789")
_PLACEHOLDER: Final = pattern(r"\$\{[^}]*\}|\{\{.*?\}\}|^\$[A-Za-z_][A-Za-z0-9_]*$", re.DOTALL)


def yaml11(scalar: Scalar) -> object:
    """Read a scalar as PyYAML's SafeLoader does: ``2e-4`` is text, ``yes`` is true."""
    return _yaml(scalar, _FLOAT_11)


def yaml12(scalar: Scalar) -> object:
    """Read a scalar as OmegaConf's loader does: PyYAML's rules, but ``2e-4`` is a number."""
    return _yaml(scalar, _FLOAT_12)


def flag_value(scalar: Scalar) -> object:
    """Read a word of a command line, where ``no`` and ``off`` are words like any other."""
    return scalar.text if scalar.text.lower() in _YAML_WORDS else yaml12(scalar)


def json_value(scalar: Scalar) -> object:
    """Read a JSON scalar."""
    if not scalar.plain:
        return scalar.text
    words = {"true": True, "false": False, "null": None}
    return words[scalar.text] if scalar.text in words else _number(scalar.text)


def toml_value(scalar: Scalar) -> object:
    """Read a TOML scalar; dates stay text."""
    if not scalar.plain or scalar.text in ("true", "false"):
        return scalar.text if not scalar.plain else scalar.text == "true"
    text = scalar.text.replace("_", "")
    if text[:2] in ("0x", "0o", "0b"):
        return int(text, 0)
    return _number(text)


_YAML_WORDS: Final = frozenset({"yes", "no", "on", "off"})
"""Words that YAML alone reads as true or false."""


def is_placeholder(text: str) -> bool:
    """Whether a value is filled in later: ``${VAR}``, ``{{ name }}`` or a lone ``$VAR``."""
    return ("$" in text or "{{" in text) and _PLACEHOLDER.search(text) is not None


def plain_value(node: Node, resolve: Resolver) -> Any:
    """Turn a node into plain Python data; a key written twice keeps its last value.

    Keys stay text, as they are spelled: ``0: 8`` gives ``{"0": 8}``.
    """
    if isinstance(node, Scalar):
        return resolve(node)
    if isinstance(node, Sequence):
        return [plain_value(item, resolve) for item in node.items]
    ordered = sorted(node.entries, key=lambda entry: not entry.merged)
    return {entry.key.text: plain_value(entry.value, resolve) for entry in ordered}


def _yaml(scalar: Scalar, floats: re.Pattern[str]) -> object:
    text = scalar.text
    if scalar.tag is not None or not scalar.plain:
        return _tagged(scalar)
    if text in _NULLS:
        return None
    if text in _BOOLEANS_11:
        return _BOOLEANS_11[text]
    if text[0] not in _FIRST:
        return text
    return _yaml_number(text, floats)


def _yaml_number(text: str, floats: re.Pattern[str]) -> object:
    digits = text.replace("_", "")
    try:
        if _INT_11.fullmatch(text):
            return _yaml_int(digits)
        if floats.fullmatch(text):
            return float(digits)
        if _INFINITE.fullmatch(text):
            return float(digits.replace(".", ""))
        if _SEXAGESIMAL_INT.fullmatch(text) or _SEXAGESIMAL_FLOAT.fullmatch(text):
            return _sexagesimal(digits)
    except ValueError:  # only underscores, as in "0b_", or more digits than Python writes out
        return text
    return text


def _tagged(scalar: Scalar) -> object:
    """Read a quoted scalar, or one with a tag: ``!!float 1e-4`` is a number to every loader."""
    if scalar.tag == "tag:yaml.org,2002:null":
        return None
    plain = Scalar(text=scalar.text, plain=True, span=scalar.span)
    if scalar.tag == "tag:yaml.org,2002:bool":
        return _BOOLEANS_11.get(scalar.text.lower(), scalar.text)
    if scalar.tag == "tag:yaml.org,2002:int":
        return yaml11(plain)
    if scalar.tag == "tag:yaml.org,2002:float":
        value = yaml12(plain)
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return scalar.text


_MOST_DIGITS: Final = 3_000


def _yaml_int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(digits)
    sign = -1 if digits.startswith("-") else 1
    body = digits.lstrip("+-")
    if body[:2] in ("0b", "0x"):
        return sign * int(body, 0)
    return sign * int(body, 8 if body[0] == "0" and len(body) > 1 else 10)


def _sexagesimal(digits: str) -> float:
    """Add up base 60 from the last part, in the order in which PyYAML rounds."""
    sign = -1 if digits.startswith("-") else 1
    kind = float if "." in digits else int
    parts = [kind(part) for part in reversed(digits.lstrip("+-").split(":"))]
    value = kind(0)
    for power, part in enumerate(parts):
        value += part * 60**power
    return sign * value


def _number(text: str) -> object:
    try:
        return float(text) if _FRACTION.search(text) else int(text)
    except ValueError:
        return text


UNKNOWN_TAG: Final = "!unknown"
"""Tag of a scalar whose value only running the program would tell."""
CHOICE: Final = "$choice"
"""Name among a program's calls for two stretches of which only one is run."""
SETTINGS: Final = "$settings"
"""Name under which all assignments of an mmengine config stand in a program's tree."""
DROPPED: Final = "$dropped"
"""Stands among the arguments of a call of a program whose result nothing takes."""
FROZEN: Final = "$frozen"
"""Name of the key that stands for a loop that freezes every weight of a model."""


def python_value(scalar: Scalar) -> object:
    """Read a Python constant: text as it is, numbers, booleans and None by their spelling."""
    if not scalar.plain:
        return scalar.text
    words = {"True": True, "False": False, "None": None}
    return words[scalar.text] if scalar.text in words else _number(scalar.text)


def is_unknown(node: Node | None) -> bool:
    """Whether a node is no value, or holds one that cannot be told."""
    if node is None:
        return True
    if isinstance(node, Scalar):
        return node.tag == UNKNOWN_TAG
    if isinstance(node, Sequence):
        return any(is_unknown(item) for item in node.items)
    return any(is_unknown(entry.value) for entry in node.entries)
