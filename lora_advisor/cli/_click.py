"""Click's options, made of the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lora_advisor.cli import _completing
from lora_advisor.cli._table import PLUGIN, READING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.cli._table import Option


def reads_configs(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that reads configs."""
    return reads_some()(command)


def reads_some(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the same options but some, which the command has in its own way."""
    return with_options(*(option for option in READING if option.names[-1] not in left_out))


def plugin_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--plugin``, which the environment may give, too."""
    return with_options(PLUGIN)(command)


def with_options(*table: Option) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command, in the order of the table."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(table):
            command = click.option(*option.names, **_extra(option))(command)
        return command

    return add


def _extra(option: Option) -> dict[str, Any]:
    """Say in click's words what an option takes."""
    if option.kind == "flag":
        return {"is_flag": True, "help": option.help}
    return {
        "type": _type(option),
        "multiple": option.kind == "texts",
        "metavar": option.metavar,
        "default": option.default,
        "envvar": option.variable,
        "shell_complete": getattr(_completing, option.offers) if option.offers else None,
        "help": option.help,
    }


def _type(option: Option) -> click.ParamType[Any] | None:
    if option.kind == "choice":
        return click.Choice(option.choices)
    if option.kind == "count":
        return click.IntRange(min=1)
    if option.kind == "path":
        return click.Path(path_type=Path)
    if option.kind == "file":
        return click.Path(exists=True, dir_okay=False, path_type=Path)
    if option.kind == "folder":
        return click.Path(exists=True, file_okay=False, path_type=Path)
    return None
