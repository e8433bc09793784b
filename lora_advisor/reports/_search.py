"""A search's trials as text and as JSON, best first."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from lora_advisor.reports.json import dumped

if TYPE_CHECKING:
    from lora_advisor.calibrate.search import Searched

VERSION: Final = 1
SHOWN: Final = 10


def as_text(found: Searched) -> str:
    """Write the best trials; the loss is that of held-out rows after the short run, in nats."""
    lines = ["  learning rate  rank  held-out loss"]
    lines += [
        f"  {tried.learning_rate:13.1e}  {tried.r:4}  {tried.loss:13.3f}"
        for tried in found.trials[:SHOWN]
    ]
    lines += ["", f"{len(found.trials)} trials finished, {found.given_up} given up."]
    lines += ["Short runs prefer a rate some 1.25 times that of a whole training."]
    return "\n".join(lines) + "\n"


def as_json(found: Searched) -> str:
    """Write all trials; the database's address may hold a password and is left out."""
    trials = [asdict(tried) for tried in found.trials]
    return dumped({"version": VERSION, "trials": trials, "given_up": found.given_up})
