"""Terminal and streams: what is written where, in which width and colour."""

from __future__ import annotations

import importlib.util
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.reports import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lora_advisor.findings import Failure, Notice
    from lora_advisor.settings import Settings

PIPED: Final = 80
NARROWEST: Final = 40
WIDEST: Final = 100
ESCAPE: Final = "\x1b"


def report_options(settings: Settings, options: dict[str, Any]) -> Options:
    """Choose width and colour for the terminal, or for what stands in its place."""
    return Options(
        width=_width(),
        colour=_coloured(options),
        fail_on=settings.fail_on,
        verbose=options["verbose"],
        quiet=options.get("quiet", False),
    )


def _width() -> int:
    if not sys.stdout.isatty():
        return PIPED
    import shutil  # it brings every compression along

    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)


def _coloured(options: dict[str, Any]) -> bool:
    if options["no_color"] or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def write(text: str, *, colour: bool = False) -> None:
    """Write to standard output; a reader that closed the pipe early is no error."""
    try:
        if colour or ESCAPE in text:
            import click  # it knows which terminals take colours

            click.echo(text, nl=False, color=colour)
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - kept open


def say(line: str) -> None:
    """Write a line to standard error."""
    if ESCAPE in line:
        import click  # it knows which terminals take colours

        click.echo(line, err=True)
        return
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def remark(
    failures: Iterable[Failure], notices: Iterable[Notice], *, verbose: bool, quiet: bool = False
) -> None:
    """Say on standard error what could not be read, and what was passed over."""
    for failure in failures:
        say(f"error: {_placed(failure)}: {failure.message}")
    for notice in () if quiet else notices:
        if verbose or not notice.minor:
            say(f"note: {notice.file} {notice.message}")


def _placed(failure: Failure) -> str:
    if failure.line is None:
        return failure.file
    return f"{failure.file}:{failure.line}:{failure.column or 1}"


@contextmanager
def progress(title: str, steps: int) -> Iterator[Callable[[], None]]:
    """Show steps on standard error while they are made, on a terminal that rich can draw on."""
    if not sys.stderr.isatty() or importlib.util.find_spec("rich") is None:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=steps)
        yield lambda: shown.advance(task)
