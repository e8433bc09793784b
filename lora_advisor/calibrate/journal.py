"""A file that keeps every outcome as it comes, so that an interrupted calibration can go on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lora_advisor.calibrate.trials import outcome_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lora_advisor.calibrate.engines import Engine
    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.calibrate.trials import Outcome, Trial


class JournalError(Exception):
    """A journal that belongs to another setup; the message names the file."""


class Journal:
    """Outcomes on disk, one JSON object a line, under a first line that names the setup."""

    def __init__(self, path: Path, setup: Setup, *, resume: bool) -> None:
        self._path = path
        self.known: dict[str, Outcome] = {}
        mark = digest(setup)
        if resume and path.exists():
            self.known = _read(path, mark)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"setup": mark}) + "\n", encoding="utf-8")

    def add(self, outcome: Outcome) -> None:
        """Write an outcome down."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
        self.known[outcome.trial.key] = outcome


def runner(
    engine: Engine, journal: Journal | None, seen: Callable[[Outcome], None]
) -> Callable[[list[Trial]], list[Outcome]]:
    """Return what the stages call: known outcomes from the journal, the others from the engine.

    ``seen`` is told of every outcome, so that costs can be added up.
    """
    known: dict[str, Outcome] = journal.known if journal else {}

    def run(trials: list[Trial]) -> list[Outcome]:
        missing = [trial for trial in trials if trial.key not in known]
        for outcome in engine.map(missing) if missing else ():
            known[outcome.trial.key] = outcome
            if journal:
                journal.add(outcome)
        found = [known[trial.key] for trial in trials]
        for outcome in found:
            seen(outcome)
        return found

    return run


def digest(setup: Setup) -> str:
    """Return a short name of a setup: equal setups have equal names."""
    return hashlib.sha256(repr(setup).encode()).hexdigest()[:16]


def _read(path: Path, mark: str) -> dict[str, Outcome]:
    first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    if _line(first).get("setup") != mark:
        raise JournalError(f"{path} was written for another config, model or data: start anew")
    outcomes = [outcome_from(data) for data in map(_line, lines) if data]
    return {outcome.trial.key: outcome for outcome in outcomes}


def _line(text: str) -> dict[str, Any]:
    """Read one line; the last one of an interrupted run may be cut off."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
