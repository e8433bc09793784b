"""Ignore comments written for findings, at the end of the line they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.edits import Edit, NotEditableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.source.tree import Text

COMMENTED: Final = ("yaml", "toml", "python", "shell")
"""Formats that have comments; a JSON file is ignored in the settings."""
_THERE: Final = pattern(r"(#\s*lora-advisor:\s*ignore\[)([^\]]*)(\])")


def silencing(document: Text, line: int, rules: Iterable[str], reason: str = "") -> Edit:
    """Return the edit that makes a line's comment ignore some rules, beside those it ignores.

    :class:`NotEditableError` where the line can carry no comment.
    """
    text = document.line(line)
    if document.format not in COMMENTED or document.path.endswith(".ipynb"):
        raise NotEditableError("the format has no comments; use per-key-ignores in the settings")
    if document.format == "shell" and text.rstrip().endswith("\\"):
        raise NotEditableError("the command goes on in the next line; no comment can stand here")
    start = document.offset(line, 1)
    there = _THERE.search(text)
    if there is not None:
        names = [name.strip() for name in there[2].split(",") if name.strip()]
        names += [rule for rule in rules if rule not in names]
        return Edit(start=start + there.start(2), end=start + there.end(2), text=", ".join(names))
    end = start + len(text)
    comment = f"  # lora-advisor: ignore[{', '.join(dict.fromkeys(rules))}] {reason}".rstrip()
    return Edit(start=end, end=end, text=comment)
