"""Paths as reports show them, the folders a run may look at, and patterns of paths."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 5_000_000
"""Larger project files are not read: none is."""
MARKS: Final = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
"""A folder with one of these is a project of its own, also where no ``.git`` came with it."""
_TEMPORARY: Final = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - nothing is written there


def absolute(path: str | Path) -> Path:
    """Return a path from the root, without ``..`` and with its links left alone."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links


def shown(path: str | Path) -> str:
    """Spell a path for people: relative with ``/`` inside the current folder, else as given."""
    whole, here = absolute(path), Path.cwd()
    inside = whole.relative_to(here) if whole.is_relative_to(here) else None
    return str(inside or os.path.normpath(path)).replace(os.sep, "/")


def top(folder: Path) -> Path:
    """Return the highest folder that belongs to the project of a folder.

    It is the nearest one with ``.git``. Without a repository it is one that states what a project
    needs (:data:`MARKS`): the highest within the current folder, outside of that the nearest; else
    the current folder where that holds ``folder``, else ``folder`` itself. What lies above is none
    of the project's.
    """
    here, above = Path.cwd(), (folder, *folder.parents)
    for candidate in above:
        if (candidate / ".git").exists():
            return candidate
    if here in above:
        marked = [c for c in above[: above.index(here) + 1] if _is_marked(c)]
        return marked[-1] if marked else here
    return next((c for c in above if _is_marked(c) and not _is_shared(c)), folder)


def _is_marked(folder: Path) -> bool:
    return any((folder / name).is_file() for name in MARKS)


def _is_shared(folder: Path) -> bool:
    """Whether a folder holds the projects of many: a home, one for temporary files, the root."""
    return folder in (_home(), *_TEMPORARY) or folder == folder.parent


def upwards(folder: Path) -> Iterator[Path]:
    """Yield a folder and those above it up to the project's top; the home folder never."""
    last, home = top(folder), _home()
    for candidate in (folder, *folder.parents):
        if candidate != home:
            yield candidate
        if candidate == last:
            return


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user without a home folder
        return None


def covers(pattern: str, path: str | Path, base: Path | None) -> bool:
    """Whether a pattern means a path or a folder above it.

    Patterns are taken from ``base`` (the settings' folder); one without ``/`` means any file or
    folder of that name. ``*`` also crosses folders.
    """
    relative = os.path.relpath(absolute(path), base or Path.cwd()).replace(os.sep, "/")
    parts = relative.split("/")
    wanted = pattern.strip("/").removeprefix("./")
    for count in range(1, len(parts) + 1):
        name = parts[count - 1] if "/" not in wanted else "/".join(parts[:count])
        if fnmatchcase(name, wanted) or fnmatchcase(f"/{name}", wanted):
            return True
    return False


def project_text(path: Path) -> str:
    """Return the text of a project's file, nothing where it is too large or cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return ""
        return path.read_text("utf-8-sig", errors="replace")
    except OSError:
        return ""
