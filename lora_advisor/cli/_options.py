"""The settings and inputs that options stand for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.cli._exits import refusal
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lora_advisor.reports import Options
    from lora_advisor.settings import Settings

STDIN: Final = "-"


def inputs(
    paths: Sequence[Path], options: dict[str, Any]
) -> tuple[list[Path], tuple[bytes, str] | None]:
    """Split the paths into named ones and the text of standard input with its name."""
    named = [path for path in paths if str(path) != STDIN]
    if len(named) == len(paths):
        return named, None
    data = sys.stdin.buffer.read()
    return named, (data, options["stdin_filename"] or "<stdin>")


def settings_of(paths: Iterable[Path], options: dict[str, Any]) -> Settings:
    """Read the project's settings and put the command line's over them."""
    from lora_advisor import settings
    from lora_advisor.plugins import PluginError
    from lora_advisor.rules import OwnRulesError
    from lora_advisor.targets import TargetError

    start = [options["stdin_filename"] or "." if str(p) == STDIN else p for p in paths]
    try:
        if options["config"] is not None:
            own = settings.from_file(options["config"])
        else:
            own = settings.Settings() if options["isolated"] else settings.nearest(start)
        own = _with_plugins(own, options.get("plugin"))
        _validate_rules(own)
        return _overridden(own, options)
    except (settings.SettingsError, PluginError, OwnRulesError, TargetError, ValueError) as error:
        raise refusal(str(error)) from None


def _with_plugins(own: Settings, named: Sequence[str] | None) -> Settings:
    """Load what the user named; what only a settings file names is told, and not loaded."""
    if named is None:
        return own
    from lora_advisor import plugins
    from lora_advisor.console import say
    from lora_advisor.reports._text import harmless

    for name in own.asked_plugins:
        if name not in named:
            told = f"warning: plugins: {name} is not loaded, as settings cannot run code;"
            say(harmless(f"{told} name it with --plugin {name}"))

    return replace(own, plugins=plugins.load(named))


def _validate_rules(own: Settings) -> None:
    """Read the project's own rules before any of them runs."""
    if own.rules or own.plugins:
        from lora_advisor.own_rules import validate  # an extra, and slow

        validate(own)


def _overridden(own: Settings, options: dict[str, Any]) -> Settings:
    from lora_advisor.settings import known_framework, threshold
    from lora_advisor.targets import from_options

    changes: dict[str, Any] = {"targets": own.targets.updated(from_options(options["target"]))}
    changes["ignore"] = (*own.ignore, *_names(options.get("ignore", ())))
    if options["model"] is not None:
        changes["model"] = options["model"]
    if options.get("build_model") or own.model or options["model"] is not None:
        changes["builds"] = True
    if options.get("allow_network"):
        changes["fetches"] = True
    if options.get("gpu"):
        from lora_advisor import gpus

        changes["gpu"] = gpus.roomiest(options["gpu"])
    if options.get("processes"):
        changes["processes"] = options["processes"]
    if options.get("select"):
        changes["select"] = _names(options["select"])
    if options.get("fail_on"):
        changes["fail_on"] = threshold(options["fail_on"])
    if options["framework"]:
        changes["framework"] = known_framework(options["framework"])
    return replace(own, **changes, pedantic=own.pedantic or options.get("pedantic", False))


def _names(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def page_options(options: dict[str, Any]) -> Options:
    from lora_advisor.console import report_options
    from lora_advisor.settings import Settings

    return report_options(Settings(), {"verbose": False, **options})


def print_page(text: str, options: dict[str, Any]) -> None:
    from lora_advisor.console import write

    write(text, colour=page_options(options).colour)
