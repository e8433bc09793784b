"""Published releases and their source files, for collect_keys.py."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from itertools import groupby
from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    from pathlib import Path

# Wheels of newer packages ask for a newer interpreter than the one that runs this script; their
# sources are only parsed.
PYTHON = "3.13"
_WHEELS = ["--only-binary", ":all:", "--python-version", PYTHON]


def published(package: str) -> list[str]:
    """Final releases of a package that have a wheel, oldest first."""
    listing = _pip("index", "versions", package, *_WHEELS)
    line = next(text for text in listing.splitlines() if text.startswith("Available versions:"))
    names = re.split(r",\s*", line.partition(":")[2].strip())
    return sorted((name for name in names if not Version(name).is_prerelease), key=Version)


def tagged(git_dir: Path) -> list[str]:
    """Final releases that have a tag v<version> in a git directory, oldest first."""
    command = ["git", "--git-dir", str(git_dir), "tag", "--list", "v*"]
    tags = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    names = [tag.removeprefix("v") for tag in tags]
    return sorted((name for name in names if not Version(name).is_prerelease), key=Version)


def first_and_last_of_each_minor(versions: list[str]) -> list[str]:
    """The sample to look at first: enough to see every change that a minor release brought."""
    minors = [list(group) for _, group in groupby(versions, lambda name: Version(name).release[:2])]
    return [name for group in minors for name in dict.fromkeys((group[0], group[-1]))]


def release_sources(package: str, version: str, cache: Path) -> Path:
    """Folder with the Python sources and the METADATA of one release, downloaded once."""
    folder = cache / f"{package}-{version}"
    if not folder.exists():
        wheel = _download(package, version, cache / "wheels")
        _unpack(wheel, folder)
        wheel.unlink()
    return folder


def checkout_sources(git_dir: Path, revision: str, folder: Path, parts: tuple[str, ...]) -> Path:
    """Folder with the `parts` (top-level names) of one commit of a bare git directory."""
    if not folder.exists():
        git = ["git", "--git-dir", str(git_dir)]
        listing = subprocess.run(
            [*git, "ls-tree", "--name-only", revision], check=True, capture_output=True, text=True
        ).stdout.split()
        there = [name for name in parts if name in listing]
        archive = subprocess.run(
            [*git, "archive", revision, *there], check=True, capture_output=True
        ).stdout
        folder.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", str(folder)], check=True, input=archive)
    return folder


def requirement_on(folder: Path, package: str) -> str | None:
    """The range of `package` that a release asks for, e.g. "<=5.6.0,>=4.51.0"."""
    files = (folder / "requirements.txt", folder / "pyproject.toml")
    for path in (*folder.glob("*.dist-info/METADATA"), *files):
        text = path.read_text("utf-8") if path.is_file() else ""
        pattern = rf'^(?:Requires-Dist: |\s*")?{package}(?:\[[^\]]*\])?\s*\(?([=<>!~][^;)"\n]*)'
        if found := re.search(pattern + "(?!.*extra ==)", text, re.MULTILINE):
            return ",".join(sorted(part.strip() for part in found[1].split(",")))
    return None


def _download(package: str, version: str, folder: Path) -> Path:
    _pip("download", "--quiet", "--no-deps", *_WHEELS, f"{package}=={version}", "-d", str(folder))
    return next(folder.glob(f"{package.replace('-', '_')}-{version}-*.whl"))


def _unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith((".py", "METADATA")):
                archive.extract(name, folder)


def _pip(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
