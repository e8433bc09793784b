"""``check --add-ignores``: a comment at every finding, so that a check is clean from today on."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from lora_advisor.cli._errors import CannotRunError
from lora_advisor.console import say

if TYPE_CHECKING:
    from lora_advisor.findings import Report
    from lora_advisor.source.edits import Edit
    from lora_advisor.source.tree import Text


def add_ignores(report: Report, reason: str) -> None:
    """Write ignore comments for all findings; say where none can stand."""
    from lora_advisor.source.writing import overwrite

    by_place: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for finding in report.findings:
        by_place[finding.place.file][finding.place.line].append(finding.name)
    written = 0
    for file, lines in by_place.items():
        document = report.sources[file]
        text, number = _silenced(document, lines, reason)
        written += number
        try:
            overwrite(Path(file), document.text, text)
        except OSError as error:
            raise CannotRunError(f"cannot write {file}: {error.strerror or error}") from None
    say(f"wrote ignore comments on {written} line{'' if written == 1 else 's'}")


def _silenced(document: Text, lines: dict[int, list[str]], reason: str) -> tuple[str, int]:
    """Return the text with its comments, and on how many lines they stand."""
    from lora_advisor.source.edits import apply

    tried = (_comment(document, line, rules, reason) for line, rules in lines.items())
    edits = [edit for edit in tried if edit is not None]
    return apply(document.text, edits), len(edits)


def _comment(document: Text, line: int, rules: list[str], reason: str) -> Edit | None:
    from lora_advisor.ignoring import silencing
    from lora_advisor.source.edits import NotEditableError

    try:
        return silencing(document, line, rules, reason)
    except NotEditableError as error:
        say(f"not ignored: {document.path}:{line}: {error}")
        return None
