"""Output formats: one module each, with one function ``render(report, options) -> str``.

Modules whose name starts with ``_`` are what the formats share.
"""

from __future__ import annotations

import importlib
import os
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from lora_advisor.findings import Severity
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lora_advisor.explaining import Explanation
    from lora_advisor.findings import Report
    from lora_advisor.fixes import Known
    from lora_advisor.gpus import Gpu
    from lora_advisor.source.edits import Edit


@record
class Options:
    """How a report is written.

    ``width`` counts terminal cells; ``fail_on`` is the severity from which findings count towards
    the exit code (None: never); ``verbose`` lists what a short report only counts, ``quiet``
    leaves out everything but findings. ``meanings`` and ``gpu`` are for formats that explain the
    configs, too, and what they are to run on; ``repairs`` for those that carry repairs.
    """

    width: int = 80
    colour: bool = False
    fail_on: Severity | None = Severity.ERROR
    verbose: bool = False
    quiet: bool = False
    meanings: tuple[Explanation, ...] = ()
    gpu: Gpu | None = None
    repairs: Mapping[Known, Sequence[Edit]] = MappingProxyType({})


@cache
def formats() -> tuple[str, ...]:
    """Return the names of all formats."""
    names = (name for folder in __path__ for name in os.listdir(folder))  # noqa: PTH208 - quick
    modules = (name.removesuffix(".py") for name in names if name.endswith(".py"))
    return tuple(sorted(name.replace("_", "-") for name in modules if not name.startswith("_")))


def render_report(report: Report, format: str, options: Options | None = None) -> str:  # noqa: A002
    """Write a report in one of :func:`formats`; the text ends with a line end or is empty."""
    module = importlib.import_module(f"{__name__}.{format.replace('-', '_')}")
    render: Callable[[Report, Options], str] = module.render
    return render(report, options or Options())


def counted(report: Report, fail_on: Severity | None) -> int:
    """Count the findings that make a run fail."""
    return sum(fail_on is not None and found.severity >= fail_on for found in report.findings)
