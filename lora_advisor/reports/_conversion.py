"""What a conversion leaves out and changes, as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from lora_advisor.reports._text import harmless, wrap
from lora_advisor.reports.json import VERSION, dumped

if TYPE_CHECKING:
    from lora_advisor.convert import Converted
    from lora_advisor.reports import Options

HEADINGS: Final = {
    "lost": "Does not carry over",
    "changed": "Changes",
    "unknown": "Was not known",
    "left": "Other keys",
}


def notes(found: Converted, options: Options) -> str:
    """List what a user has to know of the written config; empty where nothing is lost."""
    lines: list[str] = []
    for kind, heading in HEADINGS.items():
        own = [note for note in found.notes if note.kind == kind]
        if own:
            lines.append(f"{heading}:")
        lines += [
            wrap(harmless(f"{note.key}: {note.message}"), options.width, "  - ", "    ")
            for note in own
        ]
    return "\n".join(lines) + "\n" if lines else ""


def as_json(found: Converted) -> str:
    """Write the config's text with everything that is told about it."""
    content = {
        "version": VERSION,
        "file": found.file,
        "text": found.text,
        "remarks": list(found.remarks),
        "notes": [asdict(note) for note in found.notes],
    }
    return dumped(content)
