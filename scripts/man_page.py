"""The manual page, made of the texts of ``--help``: ``man/lora-advisor.1``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lora_advisor.cli import cli
from lora_advisor.reports._tool import ADDRESS, version

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).parent.parent / "man" / "lora-advisor.1"
END: Final = f"""\
.SH EXIT STATUS
.TP
.B 0
Nothing that fails the run.
.TP
.B 1
Findings at or above \\fB\\-\\-fail\\-on\\fR (by default: error).
.TP
.B 2
Something could not be read or done; everything else was still checked.
.SH ENVIRONMENT
.TP
.B NO_COLOR
No colours, whatever its value; \\fBFORCE_COLOR\\fR has colours also in a pipe.
.TP
.B LORA_ADVISOR_PLUGINS
Installed plugins to load, parted by spaces, as by \\fB\\-\\-plugin\\fR.
.TP
.B LORA_ADVISOR_TRACEBACK
Where an internal error happened is shown, to go with its report.
.SH FILES
.TP
.B .lora\\-advisor.toml
Settings of a project; \\fB[tool.lora\\-advisor]\\fR of \\fBpyproject.toml\\fR serves as well.
.TP
.B .lora\\-advisor\\-baseline.json
Known findings, written by \\fBlora\\-advisor baseline\\fR.
.SH SEE ALSO
{ADDRESS}
"""


def text() -> str:
    """Return the page."""
    context = click.Context(cli, info_name="lora-advisor")
    head = (
        f'.TH LORA\\-ADVISOR 1 "" "lora\\-advisor {version()}" "User Commands"\n'
        ".SH NAME\nlora\\-advisor \\- check and explain LoRA fine\\-tuning configs\n"
        ".SH SYNOPSIS\n.B lora\\-advisor\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]...\n"
        ".SH DESCRIPTION\n"
    )
    commands = "".join(_sections(cli, context))
    return f"{head}{_prose(cli.help)}{_examples(cli)}.SH COMMANDS\n{commands}{END}"


def _sections(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        usage = " ".join(command.collect_usage_pieces(inner))
        title = _plain(f"{inner.command_path} {usage}")
        options = "".join(_option(option, inner) for option in command.params)
        yield f".SS {title}\n{_prose(command.help)}{options}{_examples(command)}"
        if isinstance(command, click.Group):
            yield from _sections(command, inner)


def _option(option: click.Parameter, context: click.Context) -> str:
    record = option.get_help_record(context) if isinstance(option, click.Option) else None
    if record is None:
        return ""
    names, told = record
    return f".TP\n\\fB{_plain(names)}\\fR\n{_plain(told)}\n"


def _prose(told: str | None) -> str:
    paragraphs = (" ".join(part.split()) for part in (told or "").split("\n\n"))
    return "".join(f".PP\n{_plain(part)}\n" for part in paragraphs)


def _examples(command: click.Command) -> str:
    """Write the examples as they stand; a line of their own may begin with a dot or a quote."""
    parts = re.split(r"\n?\x08\n", command.epilog or "")
    return "".join(f".PP\n.nf\n{_plain(part.strip())}\n.fi\n" for part in parts if part.strip())


def _plain(told: str) -> str:
    """Escape what roff would read as its own."""
    escaped = told.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"(?m)^([.'])", r"\\&\1", escaped)
