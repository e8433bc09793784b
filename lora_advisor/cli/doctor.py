"""``doctor``: what is installed, and what a check here would assume."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRAS: Final = {
    "model": ("torch", "transformers", "peft"),
    "calibrate": ("torch", "transformers", "peft", "datasets"),
    "server": ("pygls",),
}
"""Extras of the package with what each brings."""


@click.command("doctor")
def command() -> None:
    """Say what is installed, which extras work, and which settings and versions count here."""
    from lora_advisor.console import write  # noqa: PLC0415

    write("".join(f"{line}\n" for line in _lines()))


def _lines() -> Iterator[str]:
    from lora_advisor import rules  # noqa: PLC0415
    from lora_advisor.frameworks import frameworks  # noqa: PLC0415
    from lora_advisor.reports._tool import NAME, version  # noqa: PLC0415

    yield f"{NAME} {version()}, Python {platform.python_version()} ({sys.platform})"
    yield f"{len(rules.load())} rules, {len(frameworks())} config formats"
    yield ""
    for extra, packages in EXTRAS.items():
        missing = [package for package in packages if _installed(package) is None]
        there = ", ".join(f"{p} {_installed(p)}" for p in packages if p not in missing)
        hint = f"missing {', '.join(missing)}: pip install '{NAME}[{extra}]'"
        yield f"[{extra}] " + (hint if missing else there)
    yield from _plugins()
    yield ""
    yield from _here()


def _plugins() -> Iterator[str]:
    """Name the plugins that --plugin can load; none is loaded to be named."""
    from lora_advisor import plugins  # noqa: PLC0415

    found = ", ".join(f"{name} ({package})" for name, package in plugins.installed().items())
    yield f"plugins installed: {found or 'none'}"


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _here() -> Iterator[str]:
    from pathlib import Path  # noqa: PLC0415

    from lora_advisor import requirements, settings  # noqa: PLC0415
    from lora_advisor.targets import CURRENT  # noqa: PLC0415

    try:
        own = settings.nearest([Path()])
    except settings.SettingsError as error:
        yield f"settings: {error}"
        return
    yield f"settings: {own.base / '' if own.base else 'none, so the defaults'}"
    targets = requirements.find(Path()).updated(own.targets)
    yield "versions that a check here assumes:"
    for package in CURRENT:
        target = targets.get(package)
        yield f"  {package} {target.release} ({target.source})"
