"""Laws of fine-tuning: what is known of good values, with figures, sources and how sure it is.

One JSON file per subject holds the laws as data; modules of this package are the functions that
apply them. The rules of ``check`` and the advice of ``recommend`` read the same figures, so that
both always agree. Reading a file is all that importing this package costs a run.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent


@record
class Law:
    """One law with its provenance.

    ``figures`` are the numbers that functions read, ``basis`` what was measured, ``valid`` where;
    ``confidence`` is high, medium or low. A value within a factor of ``tolerance`` of the advised
    one is as good as far as anybody knows. ``changes`` says what would change the advice.
    """

    name: str
    statement: str
    figures: Mapping[str, Any]
    source: tuple[str, ...]
    basis: str
    valid: str
    confidence: str
    tolerance: float
    changes: str
    disagreement: str


@cache
def laws(subject: str) -> dict[str, Law]:
    """Return every law of a subject (``learning_rate``), by name."""
    raw = json.loads((FOLDER / f"{subject}.json").read_bytes())
    return {
        name: Law(name=f"{subject}.{name}", **{**fields, "source": tuple(fields["source"])})
        for name, fields in raw.items()
    }


def law(name: str) -> Law:
    """Return a law by its full name (``learning_rate.supervised``)."""
    subject, _, own = name.partition(".")
    return laws(subject)[own]


def subjects() -> list[str]:
    """Return the names of all subjects, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))
