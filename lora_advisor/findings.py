"""What a check has to say: findings, their places, and the repairs they offer."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING, Final

from lora_advisor.recipe import Item
from lora_advisor.record import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.recipe import Location
    from lora_advisor.source.tree import Span, Text

TRACEBACK: Final = "LORA_ADVISOR_TRACEBACK"


class Severity(enum.IntEnum):
    """How bad it is: an error fails or trains something else, a warning is bad practice."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


@record
class Place:
    """A stretch of a file; lines and columns count characters from 1, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and self._all() == other._all()

    def __hash__(self) -> int:
        return hash(self._all())

    def _all(self) -> tuple[str, int, int, int, int]:
        return self.file, self.line, self.column, self.end_line, self.end_column


@record
class Related:
    """Another value that the finding rests on, and what it is (``load_in_4bit: true``).

    ``background`` marks what holds of every file of its kind: that it trains, and trains LoRA.
    """

    place: Place | None
    label: str
    background: bool = False


@record
class Spot:
    """Where a repair changes something: characters of a file."""

    file: str
    span: Span


def spot(at: Location | None) -> Spot | None:
    """Tell where a location is without holding on to its document, as reports may be long."""
    return None if at is None else Spot(file=at.document.path, span=at.span)


@record
class Change:
    """One step of a repair: a key gets a value, or another name, or goes (value None).

    ``key`` is the dotted path as the user's format spells it; ``key_at`` and ``value_at`` are where
    the key and its value stand, None where the key is not written yet.
    """

    key: str
    value: object = None
    name: str | None = None
    key_at: Spot | None = None
    value_at: Spot | None = None


@record
class Fix:
    """A repair: ``safe`` when the trained result cannot change."""

    title: str
    safety: str
    changes: tuple[Change, ...] = ()


@record
class Finding:
    """One thing that is wrong, at one place, with its reason and its repair.

    ``path`` and ``key`` are the user's words for what is blamed, ``field`` is its name in the
    vocabulary of PEFT and transformers (``lora.r``), empty where it has none.
    """

    code: str
    name: str
    cause: str | None
    severity: Severity
    evidence: str
    place: Place
    path: str
    key: str
    field: str
    value: object
    message: str
    why: str
    url: str
    related: tuple[Related, ...] = ()
    fixes: tuple[Fix, ...] = ()


@record
class Skipped:
    """A rule that could not be decided, and what would decide it."""

    file: str
    code: str
    name: str
    reason: str


@record
class Checked:
    """A file that was looked at: the framework it is for, and the sign it was told by."""

    file: str
    framework: str | None
    evidence: str


@record
class Failure:
    """A file that could not be read, and why; line and column where they are known."""

    file: str
    message: str
    line: int | None = None
    column: int | None = None


class RuleError(Exception):
    """A rule's text, or a plugin's function that it calls, fails; the message names it."""


def mistake(file: str, error: Exception) -> Failure:
    """Turn a mistake of ours over one file into its failure, so that the rest is checked.

    Raises it instead where the environment's ``LORA_ADVISOR_TRACEBACK`` asks to see it.
    """
    if os.environ.get(TRACEBACK):
        raise error
    told = f"internal error, please report it: {type(error).__name__}: {error}"
    return Failure(file=file, message=f"{told} ({TRACEBACK}=1 shows where it happened)")


@record
class Notice:
    """A remark about a file that was passed over; ``minor`` ones are for those who ask."""

    file: str
    message: str
    minor: bool = False


@record
class Report:
    """The outcome of one run, ready for any output format.

    ``read`` are all files that were looked at, ``files`` those to tell of; ``sources`` are the
    texts that findings point into, by file. ``notices`` are remarks about
    files that were passed over; ``known`` counts what a baseline left out.
    """

    files: tuple[Checked, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    failures: tuple[Failure, ...]
    assumed: tuple[tuple[str, str], ...]
    suppressed: int = 0
    read: tuple[str, ...] = ()
    sources: Mapping[str, Text] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    known: int = 0


@record
class Ignored(Item):
    """One rule named by one comment: ``line`` is the line it covers, None for the file."""

    selector: str
    reason: str
    line: int | None
    known: bool


@record
class Ignores:
    """The rules that a file's comments name, split by whether they silenced anything."""

    unknown: tuple[Ignored, ...] = ()
    unused: tuple[Ignored, ...] = ()
