"""The release of a library that a folder is a checkout of, from the library's own files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.paths import project_text
from lora_advisor.pattern import pattern
from lora_advisor.targets import CURRENT, OWN_CHECKOUT, Target, Targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROJECT: Final = ("pyproject.toml", "setup.cfg", "setup.py")
_ELSEWHERE: Final = (
    "VERSION",
    "version.txt",
    "*/_version.py",
    "*/version.py",
    "src/*/extras/env.py",
    "src/*/__init__.py",
    "*/__init__.py",
)
"""Where libraries keep their release if not in the project's file, the surest first."""
_NAME: Final = pattern(r"""^\s*name\s*=\s*["']?([\w.-]+)""", re.MULTILINE)
_VERSION: Final = pattern(
    r"""^(?:\s*(?:__version__|VERSION|version)\s*=\s*["']?)?(\d+\.\d+(?:\.\d+)?)""",
    re.MULTILINE,
)
_OTHER_NAMES: Final = {"llmtuner": "llamafactory"}


def stated(folder: Path) -> Targets:
    """Return the release of a library whose checkout a folder is, else nothing.

    What is installed may be older, as its examples may be: no release is surely in use.
    """
    package = _package(folder)
    version = next(_versions(folder), "") if package else ""
    known = {package: Target(low=None, high=version, source=OWN_CHECKOUT)} if version else {}
    return Targets(known=known)


def _package(folder: Path) -> str:
    """Return the library of :data:`CURRENT` that a folder's project files name, or nothing."""
    named = (_NAME.search(project_text(folder / name)) for name in _PROJECT)
    names = (match[1].lower().replace("_", "-") for match in named if match)
    known = (_OTHER_NAMES.get(name, name) for name in names)
    return next((name for name in known if name in CURRENT), "")


def _versions(folder: Path) -> Iterator[str]:
    """Yield what the files say; ``1.5.0.dev0`` counts as the release to come."""
    for glob in (*_PROJECT, *_ELSEWHERE):
        for path in sorted(folder.glob(glob)):
            if match := _VERSION.search(project_text(path)):
                yield match[1]
