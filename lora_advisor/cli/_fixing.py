"""``check --fix``: repairs written to their files, or shown as a diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_advisor.cli._errors import CannotRunError
from lora_advisor.cli._exits import FAILED, FOUND
from lora_advisor.console import say, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.findings import Report
    from lora_advisor.fixes import Repaired
    from lora_advisor.settings import Settings


def fix(
    report: Report, settings: Settings, options: dict[str, Any], stdin: str | None
) -> int | None:
    """Repair what the report offers to; return the exit code where that is all."""
    repaired = _repairs(report, settings, unsafe=options["unsafe_fixes"], stdin=stdin)
    if options["diff"]:
        return _show_diff(repaired)
    _write_back(repaired, stdin)
    _tell(repaired, verbose=options["verbose"], quiet=options["quiet"])
    if stdin is not None or options["fix_only"]:
        return FAILED if report.failures else 0
    return None


def _repairs(
    report: Report, settings: Settings, *, unsafe: bool, stdin: str | None = None
) -> list[Repaired]:
    """Try the repairs of every file that has some, and of standard input."""
    from lora_advisor.fixes import repair

    files = {found.place.file for found in report.findings if found.fixes} | {stdin}
    sources = (document for name, document in report.sources.items() if name in files)
    return [repair(document, settings, unsafe=unsafe) for document in sources]


def _show_diff(repaired: Iterable[Repaired]) -> int:
    """Write the changes as one diff; the exit code says whether there are any."""
    diff = "".join(item.diff for item in repaired)
    write(diff)
    return FOUND if diff else 0


def _write_back(repaired: Iterable[Repaired], stdin: str | None = None) -> None:
    """Save the changed files, each in one step; what came by standard input goes out again."""
    from lora_advisor.fixes import save

    for item in repaired:
        if item.file == stdin:
            write(item.after)
        elif item.before != item.after:
            try:
                save(item)
            except OSError as error:
                reason = error.strerror or str(error)
                raise CannotRunError(f"cannot write {item.file}: {reason}") from None


def _tell(repaired: Iterable[Repaired], *, verbose: bool, quiet: bool) -> None:
    """Say on standard error what was repaired, and what was not and why."""
    for line in () if quiet else _told(list(repaired), verbose=verbose):
        say(line)


def _told(repaired: list[Repaired], *, verbose: bool) -> Iterator[str]:
    kept = sum(len(item.kept) for item in repaired)
    files = sum(1 for item in repaired if item.kept)
    if kept:
        yield f"repaired {_counted(kept, 'problem')} in {_counted(files, 'file')}"
    for item in repaired:
        for tried in item.kept if verbose else ():
            yield f"  {item.file}:{tried.line}: {tried.code} {tried.title}"
        for tried in item.dropped:
            yield f"not repaired: {item.file}:{tried.line}: {tried.code}: {tried.reason}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
