"""What a run is asked to do: rules, threshold, versions, exclusions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lora_advisor.findings import Severity
from lora_advisor.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices of one run; the defaults are those of ``lora-advisor check`` alone.

    ``fail_on`` is the lowest severity that fails the run, None for never. ``per_file_ignores``
    maps path patterns to selectors; ``exclude`` are path patterns that are never checked.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Severity | None = Severity.ERROR
    framework: str | None = None
    pedantic: bool = False
    targets: Targets = field(default_factory=Targets)
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
