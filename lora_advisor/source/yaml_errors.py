"""PyYAML's refusals in plain words, with the likely cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.errors import SourceError
from lora_advisor.source.limits import MAX_DEPTH
from lora_advisor.source.position import line_starts, position

if TYPE_CHECKING:
    import yaml as pyyaml

TEMPLATE: Final = "looks like a template that is filled in later; not linted"
TOO_DEEP: Final = f"nested deeper than {MAX_DEPTH} levels"
_TEMPLATE: Final = pattern(r"\{\{|\{%|<%")
_NO_SPACE: Final = pattern(r"\s*(?:- +)?[\w.-]+:[^\s:/]")
_INDENTED: Final = "the line is indented differently from those before it"
_HINTS: Final = (
    ("mapping values are not", "a value that holds ': ' needs quotes, or an indentation is wrong"),
    ("expected ':'", "a key needs a colon and a space after it"),
    ("end of stream", "a quote is opened and not closed"),
    ("',' or ']'", "a list [...] is not closed, or a comma is missing"),
    ("',' or '}'", "a mapping {...} is not closed, or a comma is missing"),
    ("escape character", "single quotes keep a backslash; in double quotes write two"),
    ("'-' indicator", _INDENTED),
    ("expected key", f"{_INDENTED}, or text follows a closing quote"),
    ("<block end>", f"{_INDENTED}, or text follows a closing quote"),
    ("cannot start any token", "a value that starts with this character needs quotes"),
)


def source_error(error: pyyaml.YAMLError, text: str, path: str) -> SourceError:
    """Turn PyYAML's error into ours, at the place that PyYAML found."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    offset = mark.index if mark is not None else _offset(error, text)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    return refusal(_explained(problem, offset, text), offset, text, path)


def refusal(message: str, offset: int, text: str, path: str) -> SourceError:
    """Return the error for a place given as a character offset."""
    line, column = position(text, offset)
    return SourceError(f"not valid YAML: {message}", path, line, column)


def in_template(text: str, offset: int) -> bool:
    """Whether the line of an offset, or the line above it, holds ``{{``, ``{%`` or ``<%``."""
    starts = line_starts(text[:offset])
    end = text.find("\n", offset)
    lines = text[starts[max(len(starts) - 2, 0)] : len(text) if end < 0 else end]
    return _TEMPLATE.search(lines) is not None


def _offset(error: Any, text: str) -> int:
    """Return a reader error's place; the C reader counts UTF-8 bytes and says encoding ``?``."""
    offset = getattr(error, "position", 0) or 0
    if getattr(error, "encoding", None) != "?":
        return int(offset)
    return len(text.encode()[:offset].decode(errors="ignore"))


def _explained(problem: str, offset: int, text: str) -> str:
    if "maximum nesting depth" in problem:  # PyYAML 6.0.4 looks ahead and refuses before we do
        return TOO_DEEP
    if in_template(text, offset):
        return f"{problem} ({TEMPLATE})"
    if text[offset : offset + 1] == "\t" or "tab character" in problem:
        return f"{problem} (a tab: YAML is indented with spaces)"
    if "mapping values" in problem and _NO_SPACE.match(_line_before(text, offset)):
        return f"{problem} (the line before has no space after its colon)"
    hint = next((hint for words, hint in _HINTS if words in problem), None)
    return f"{problem} ({hint})" if hint else problem


def _line_before(text: str, offset: int) -> str:
    return text[: text.rfind("\n", 0, offset) + 1].rstrip().rpartition("\n")[2]
