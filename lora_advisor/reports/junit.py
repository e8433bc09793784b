"""JUnit XML: a test case for each file, a failure for each finding that fails the run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from lora_advisor.reports import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.findings import Finding, Report
    from lora_advisor.reports import Options

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report, options: Options) -> str:
    """Write one suite; findings below the threshold stand in the output of their case."""
    files = [checked.file for checked in report.files if checked.framework]
    files += [failure.file for failure in report.failures if failure.file not in files]
    failures = counted(report, options.fail_on)
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
        f'<testsuite name="lora-advisor" tests="{len(files)}" failures="{failures}"'
        f' errors="{len(report.failures)}">\n'
    )
    cases = "".join(_case(file, report, options) for file in files)
    return f"{head}{cases}</testsuite>\n</testsuites>\n"


def _case(file: str, report: Report, options: Options) -> str:
    lines = "".join(f"{line}\n" for line in _lines(file, report, options))
    return f'<testcase classname="lora-advisor" name={_attribute(file)}>\n{lines}</testcase>\n'


def _lines(file: str, report: Report, options: Options) -> Iterator[str]:
    for failure in (f for f in report.failures if f.file == file):
        yield f"<error message={_attribute(failure.message)}/>"
    own = [found for found in report.findings if found.place.file == file]
    failing = [f for f in own if options.fail_on is not None and f.severity >= options.fail_on]
    for found in failing:
        kind = f'type="{found.severity}" message={_attribute(_head(found))}'
        yield f"<failure {kind}>{_text(_body(found))}</failure>"
    rest = "\n".join(_body(found) for found in own if found not in failing)
    if rest:
        yield f"<system-out>{_text(rest)}</system-out>"


def _head(found: Finding) -> str:
    return f"{found.code} {found.name} (line {found.place.line})"


def _body(found: Finding) -> str:
    place = f"{found.place.file}:{found.place.line}:{found.place.column}"
    return f"{place}: {found.severity}[{found.code}] {found.message}\n{found.url}"


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("?", text))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("?", text))
