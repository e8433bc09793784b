"""Plain values spelled in the syntax of a document, as a person would write them there."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

_BARE_EXPONENT: Final = pattern(r"(-?\d+)(?:\.(\d+))?e([-+]\d+)")
_COMMA_LIST: Final = pattern(r"[\w.\-]+(?:,\s*[\w.\-]+)+")


class NotSpelledError(ValueError):
    """A value that the syntax has no spelling for, or none that fits the place."""


def spell(value: object, syntax: str, old: str = "") -> str:
    """Spell a value in ``yaml``, ``json``, ``toml``, ``python`` or ``shell``.

    ``old`` is what stands there now: its quotes, its separator and a ``torch.`` are kept.
    """
    if isinstance(value, list) and _COMMA_LIST.fullmatch(old.strip("'\"")):
        value = ",".join(map(str, value))
    return _SPELLERS[syntax](value, old)


def _number(value: float) -> str:
    """Spell a float so that every YAML reader takes it for one: ``1e-05`` as ``1.0e-05``."""
    found = _BARE_EXPONENT.fullmatch(repr(value))
    return f"{found[1]}.{found[2] or '0'}e{found[3]}" if found else repr(value)


def _yaml(value: object, old: str) -> str:
    import yaml  # only a repair needs it

    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str) and (old[:1] in ("'", '"') or "\\" in value):
        single = "'" not in value and old[:1] != '"' and value.isprintable()
        return f"'{value}'" if single else json.dumps(value, ensure_ascii=False)
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _json(value: object, _old: str) -> str:
    return _number(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _toml(value: object, old: str) -> str:
    if value is None or isinstance(value, dict):
        raise NotSpelledError("TOML has no such value")
    return _json(value, old)


def _python(value: object, old: str) -> str:
    if isinstance(value, str):
        if re.fullmatch(r"torch\.\w+", old) and value.isidentifier():
            return f"torch.{value}"
        quote = old[0] if old[:1] in ("'", '"') else '"'
        return _quoted(value, quote)
    if isinstance(value, list):
        return f"[{', '.join(_python(item, '') for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_python(key, '')}: {_python(item, '')}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return repr(value)


def _quoted(text: str, quote: str) -> str:
    """Quote text where a backslash escapes: with the quote at hand if the text needs no escape."""
    simple = quote == "'" and not re.search(r"['\\\x00-\x1f]", text)
    return f"'{text}'" if simple else json.dumps(text, ensure_ascii=False)


def _shell(value: object, old: str) -> str:
    if value is None:
        raise NotSpelledError("a flag has no empty value")
    if isinstance(value, list):
        return " ".join(_shell(item, "") for item in value)
    if isinstance(value, dict):
        return shlex.quote(json.dumps(value))
    if isinstance(value, bool):
        return str(value) if old[:1].isupper() else str(value).lower()
    return _number(value) if isinstance(value, float) else shlex.quote(str(value))


_SPELLERS: Final[dict[str, Callable[[object, str], str]]] = {
    "yaml": _yaml,
    "json": _json,
    "toml": _toml,
    "python": _python,
    "shell": _shell,
}
