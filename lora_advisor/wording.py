"""How values are spelt for people: as a config would spell them, or as its author did."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.draft import plain
from lora_advisor.frameworks.interface import Key
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.recipe import Location, Recipe, Value

LONGEST: Final = 60
"""Characters of a quoted value; what is longer is cut."""
_ENDLESS: Final = 10**1000
"""A whole number that nobody means, and that Python may refuse to spell."""
_SCRIPTS: Final = ("python", "notebook")
"""Formats whose keys are arguments of a call."""
_ROLES: Final = frozenset({"lora.enabled", "train.enabled", "train.method", "quant.method"})
"""What a format says by what it is: nobody writes their defaults."""
_TEXT: Final = pattern(r"\"[^\"\\\n]*\"|'[^'\\\n]*'")
_NAMES: Final = pattern(r"[A-Za-z_]|\\\\")
_WORD: Final = pattern(r"[\w./-]+")
_WORDS: Final = {"true": "True", "false": "False", "null": "None"}
_LITERAL: Final = pattern(r"-?[\d.][\w.+-]*|True|False|None|torch\.\w+")


def show(value: object) -> str:
    """Spell a value as a config would: ``true``, ``null``, ``2e-4``, ``[q_proj, v_proj]``."""
    if value is UNKNOWN:
        return "unknown"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(show(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {show(item)}' for name, item in value.items())}}}"
    return _whole(value) if isinstance(value, int) else str(value)


def _whole(value: int) -> str:
    return str(value) if abs(value) < _ENDLESS else f"about 10^{int(math.log10(abs(value)))}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf"}.get(str(value), ".nan")
    mantissa, exponent, power = f"{value:.4g}".partition("e")
    return f"{mantissa}e{int(power)}" if exponent else _small(value, mantissa)


def _small(value: float, text: str) -> str:
    if value == 0 or abs(value) >= 1e-3:  # noqa: PLR2004 - from here zeros are counted
        return text
    mantissa, _, power = f"{value:.3e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"


def quoted(recipe: Recipe, field: str) -> str:
    """Say a field in its author's words: ``quantization_bit: 4``, or the key if that is all.

    A field that follows from another key is said by that key and what stands there; one that is
    not written, by the value it has. An argument of a call is written as one: ``r=16``.
    """
    value = recipe.values[field]
    script = value.written and is_of_script(recipe, value.key_at)
    key, sign = spelt(recipe, field), "=" if script else ": "
    text = _as_written(value) if value.written else show(value.value)
    return f"{key}{sign}{_cut(text)}" if text else key


def spelt(recipe: Recipe, field: str) -> str:
    """Return the user's key of a field, or the library's where the format has none.

    An argument that a script gives is called by its name; one that it might give, with the call.
    """
    value = recipe.values[field]
    if value.written and is_of_script(recipe, value.key_at):
        return value.key.rpartition(".")[2]
    if value.key != field or value.written or _target(recipe, value.key) is not None:
        return value.key
    return field.partition(".")[2]


def is_of_script(recipe: Recipe, at: Location | None) -> bool:
    """Whether a key stands in a script, or belongs to one where it is not written.

    A script's recipe holds values of other files too: of its launch, of DeepSpeed's settings.
    """
    document = recipe.document if at is None else at.document
    return document.format in _SCRIPTS


def as_argument(key: str, text: str) -> str | None:
    """Spell a key and its value as an argument of a call: ``save_strategy="no"``.

    None is the answer for a value that is no plain word, number or list.
    A key that is spelt with its call becomes that call: ``LoraConfig(bias="none")``.
    """
    value = _as_python(text)
    if value is None:
        return None
    if "." not in key:
        return f"{key}={value}"
    call, name, *inside = key.split(".")
    for part in reversed(inside):
        value = f'{{"{part}": {value}}}'
    return f"{call}({name}={value})"


def _as_python(text: str) -> str | None:
    """Spell a value that :func:`show` spelt, or that a card has, as Python does; or None."""
    if text[:1] == "[" and text[-1:] == "]":
        items = [_as_python(part) for part in text[1:-1].split(", ")] if text != "[]" else []
        return None if None in items else f"[{', '.join(map(str, items))}]"
    if text in _WORDS or _LITERAL.fullmatch(text) or _TEXT.fullmatch(text):
        return _WORDS.get(text, text)
    return f'"{text}"' if _WORD.fullmatch(text) else None


def raw(recipe: Recipe, value: Value) -> object:
    """Return a value as its key has it: of a field that another key decides, what stands there.

    A field's own key gives what the framework reads there; what is unknown gives None.
    """
    if value.value is UNKNOWN:
        return None
    target = _target(recipe, value.key)
    key = next((key for key in reversed(recipe.keys) if key.path == value.key), None)
    own = isinstance(target, str) and recipe.values.get(target) is value
    if own or key is None or not value.written or recipe.document.format in _SCRIPTS:
        return value.value
    framework = by_name(recipe.framework)
    found = UNKNOWN if framework is None else plain(key.node, recipe.document, framework)
    return None if found is UNKNOWN else found


def is_own(recipe: Recipe, field: str, wanted: object) -> bool:
    """Whether the format would take ``wanted`` for a field under the key the recipe names."""
    value = recipe.values[field]
    target = _target(recipe, value.key)
    if field in _ROLES and not value.written:
        return False
    if target is None:
        return value.key != field and recipe.document.format in _SCRIPTS
    if isinstance(target, Key):
        return target.field == field and _reads_as(target, wanted)
    return target == field


def _reads_as(key: Key, wanted: object) -> bool:
    try:
        return bool(key.read(wanted) == wanted)
    except (TypeError, ValueError, AttributeError):  # a reading of other words
        return False


def _target(recipe: Recipe, key: str) -> str | Key | None:
    framework = by_name(recipe.framework)
    return framework.keys.get(re.sub(r"\[\d+\]", "[]", key)) if framework is not None else None


def _as_written(value: Value) -> str:
    """Return the text of a value, empty where it is no short one (a call, a block)."""
    text = _text(value.value_at)
    at = value.value_at
    if at is not None and at.document.format in _SCRIPTS:
        return _of_script(value, text)
    if "\n" in text or text.startswith("- "):
        return show(value.value) if isinstance(value.value, (list, dict)) else ""
    quote = text[:1]
    quotes = value.fits and isinstance(value.value, str) and quote in ("'", '"')
    return text[1:-1] if quotes and text.endswith(quote) else text


def _of_script(value: Value, text: str) -> str:
    """Return a literal as it stands, and what a name or an expression stands for."""
    if _LITERAL.fullmatch(text) or ("\n" not in text and not _NAMES.search(_TEXT.sub("", text))):
        return text
    if "(" in text:
        return ""
    shown = show(value.value)
    return text if value.value is UNKNOWN else _as_python(shown) or shown


def _text(at: Location | None) -> str:
    return "" if at is None else at.document.text[at.span.start : at.span.end].strip()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
