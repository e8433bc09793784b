"""``doctor``: what is installed, and what a check here would assume."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lora_advisor.cli._exits import FAILED
from lora_advisor.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.settings import Settings

EXTRAS: Final = {
    "rules": (("pydantic",), "rules of your own"),
    "server": (("pygls",), "lora-advisor server, for editors"),
    "model": (("torch", "transformers", "peft"), "--build-model, for models of unseen kinds"),
    "hub": (("huggingface_hub",), "--allow-network, for configs of models that are not at hand"),
    "calibrate": (
        ("torch", "transformers", "peft", "accelerate", "datasets", "matplotlib", "rich"),
        "lora-advisor calibrate",
    ),
    "search": (("optuna",), "lora-advisor search"),
    "ray": (("ray",), "trials on several machines"),
}
"""Extras of the package: what each brings, and what it is for. A check needs none of them."""


EXAMPLES: Final = """\b
Examples:
  lora-advisor doctor                     in the folder that is to be checked
  lora-advisor doctor > doctor.txt        to go with a report of something odd
"""


@click.command("doctor", epilog=EXAMPLES)
@click.pass_context
def command(context: click.Context) -> None:
    """Say what is installed, which extras work, and which settings and versions count here.

    Exit code 2 if the settings here cannot be used.
    """
    from lora_advisor.console import write

    lines, broken = _here()
    write("".join(f"{line}\n" for line in (*_program(), "", *_extras(), "", *lines)))
    context.exit(FAILED if broken else 0)


def _program() -> Iterator[str]:
    from lora_advisor import rules
    from lora_advisor.frameworks import frameworks
    from lora_advisor.reports._tool import NAME, version

    yield f"{NAME} {version()}, Python {platform.python_version()} ({sys.platform})"
    yield f"{len(rules.load())} rules, {len(frameworks())} config formats"


def _extras() -> Iterator[str]:
    from lora_advisor.reports._tool import NAME

    yield "extras, none of which a check needs:"
    for extra, (packages, purpose) in EXTRAS.items():
        missing = [package for package in packages if _installed(package) is None]
        there = ", ".join(f"{p} {_installed(p)}" for p in packages if p not in missing)
        hint = f"not there: {', '.join(missing)}; pip install '{NAME}[{extra}]'"
        yield f"  {extra} ({purpose})"
        yield f"    {hint if missing else there}"
    yield from _plugins()


def _plugins() -> Iterator[str]:
    """Name the plugins that --plugin can load; none is loaded to be named."""
    from lora_advisor import plugins

    found = ", ".join(f"{name} ({package})" for name, package in plugins.installed().items())
    yield f"plugins installed: {found or 'none'}"


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _here() -> tuple[list[str], bool]:
    """Say what counts in the current folder, and whether its settings are broken."""
    from lora_advisor import requirements, settings
    from lora_advisor.rules import OwnRulesError
    from lora_advisor.targets import CURRENT

    try:
        own = settings.nearest([Path()])
        told = [*_settings(own)]
    except (settings.SettingsError, OwnRulesError) as error:
        return [f"settings cannot be used: {error}"], True
    targets = requirements.find(Path()).updated(own.targets)
    told.append(
        "versions that a check here assumes (--target PACKAGE=VERSION, [target] in settings):"
    )
    found = ((package, targets.get(package)) for package in CURRENT)
    told += [f"  {package} {target.release} ({target.source})" for package, target in found]
    return told, False


def _settings(own: Settings) -> Iterator[str]:
    """Name the settings file, and what of it is easily forgotten."""
    from lora_advisor.settings import settings_file

    yield f"settings: {settings_file([Path()]) or 'none, so the defaults (lora-advisor init)'}"
    if own.rules_version:
        yield f"  rules-version: only rules that came with {own.rules_version} or before"
    if own.rules:
        from lora_advisor.own_rules import validated

        for folder in own.rules:
            yield f"  rules of your own: {len(validated(folder))} in {shown(folder)}"
    for name in own.asked_plugins:
        yield f"  plugins: {name} runs only where --plugin {name} names it"
