"""Versions a repository asks for: its requirement, project and lock files."""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from lora_advisor import checkouts, paths
from lora_advisor.pattern import pattern
from lora_advisor.targets import (
    CURRENT,
    Target,
    TargetError,
    Targets,
    either,
    from_requirement,
    holds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lora_advisor.source.tree import Document

_PACKAGES: Final = "|".join(name.replace("-", "[-_]") for name in CURRENT)
_MENTION: Final = pattern(rf"\b({_PACKAGES})\b", re.IGNORECASE)
_WORTH_READING: Final = pattern(
    rf"\b({_PACKAGES})\b|^(-r|-c|--requirement|--constraint)\b", re.IGNORECASE | re.MULTILINE
)
_LOCKED: Final = pattern(rf'^name = "({_PACKAGES})"\r?\nversion = "([^"]+)"', re.MULTILINE)
_CONDA: Final = pattern(r"^(?:[\w.-]+::)?([\w.-]+)\s*(={1,2})\s*([\w.]+\*?)(=[\w.*]+)?$")
_INSTALLS: Final = pattern(
    r"""(?:^|"|\\n)[ \t]*(?:(?:\#[ \t]*MAGIC[ \t]+)?[!%]"""
    r"""|(?:\#[ \t]*)?get_ipython\(\)\.system\(["'])[ \t]*"""
    r"""(?:uv[ \t]+)?pip3?[ \t]+install[ \t]((?:[^\n\\]|\\[^n\n])*)""",
    re.MULTILINE,
)
_RUNS_PIP: Final = pattern(
    r"(?:^|&&|;)[ \t]*(?:RUN[ \t]+|sudo[ \t]+)?(?:--\S+[ \t]+)*"
    r"(?:uv[ \t]+|python[\d.]*[ \t]+-m[ \t]+)?pip3?[ \t]+install[ \t]([^\n;&|#]*)",
    re.MULTILINE,
)
"""An installation that a shell or an image's recipe carries out."""
_SCRIPT_METADATA: Final = pattern(r"^# /// script$\s(?:^#(?:| .*)$\s)+?^# ///$", re.MULTILINE)
"""What a script asks for itself (PEP 723)."""
_INSTALLED: Final = pattern(
    rf"(?<![\w./@+-])({_PACKAGES})(?:\[[^\]]*\])?((?:[<>=!~]=?=?[\w.*]+,?)*)(?![\w./+-])",
    re.IGNORECASE,
)
_LISTED: Final = pattern(
    rf"""["']((?:{_PACKAGES})(?:\[[^\]\n]*\])?[ \t]*[<>=!~][^"'\n]*)["']""", re.IGNORECASE
)
"""A requirement with bounds that a program names as text."""
_VARIANT: Final = pattern(r"(?:^|/)requirements[^/.]+\.txt$")
"""Requirements of another machine or purpose than the plain ones (``requirements-npu.txt``)."""
_POETRY: Final = pattern(r"^[\^]\s*([\d.]+)")


def find(folder: Path) -> Targets:
    """Return what the nearest files at or above a folder say, up to the project's top.

    In one folder a lock file counts before ``requirements*.txt``, that before ``pyproject.toml``,
    ``setup.cfg``, ``setup.py``, ``environment.yml`` and a ``Dockerfile``. A file that cannot be
    read tells nothing. A checkout of a library is of the release that it says itself.
    """
    found = Targets()
    for candidate in reversed(list(paths.upwards(paths.absolute(folder)))):
        found = _joined(found, _of_folder(candidate))
    return found


def installed(document: Document) -> Targets:
    """Return what the ``!pip install`` lines of a notebook ask for, or those of a shell script.

    So does what a Python script states of itself. They count before the files around it; a library
    they name without a release is the current one.
    """
    known: dict[str, Target] = {}
    stated = _SCRIPT_METADATA.search(document.text) if document.format == "python" else None
    if stated is not None:
        named = (_named(text, "the script") for text in _LISTED.findall(stated.group()))
        return Targets(known=dict(pair for pairs in named for pair in pairs))
    if document.format not in ("python", "shell") or " install " not in document.text:
        return Targets()
    installs = _INSTALLS if document.format == "python" else _RUNS_PIP
    text = document.text if document.format == "python" else _unbroken(document.text)
    written = (line for line in text.split("\n") if "install" in line)
    for line in (found for text in written for found in installs.findall(text)):
        words = line.replace("\\", "").replace('"', " ").replace("'", " ")
        for name, bounds in _INSTALLED.findall(words):
            package = name.lower().replace("_", "-")
            asked = dict(_named(f"{package}{bounds.rstrip(',')}", "pip install"))
            if "-U" in words.split() or "--upgrade" in words or package not in known:
                known[package] = asked.get(package, Targets().get(package))
            elif asked:  # of several lines nobody knows which one runs
                known[package] = either(known[package], asked[package])
    return Targets(known=known)


def _unbroken(text: str) -> str:
    return text.replace("\\\r\n", " ").replace("\\\n", " ")


def _joined(found: Targets, nearer: Targets) -> Targets:
    """Put a nearer or surer file's word over others; a lower bound leaves what they pin."""
    told = {
        package: target
        for package, target in nearer.known.items()
        if target.source != "current" or not _pinned_above(found.known.get(package), target)
    }
    return found.updated(Targets(known=told))


def _pinned_above(pinned: Target | None, bound: Target) -> bool:
    if pinned is None or pinned.source == "current":
        return False
    return bound.low is None or holds(f">={bound.low}", pinned.high)


@cache
def _of_folder(folder: Path) -> Targets:
    found = Targets()
    for names, read in reversed(_READERS):
        for path in sorted(folder.glob(names), key=_plainness, reverse=True):
            found = _joined(found, _of_file(path, read))
    left_open = _left_open(folder / "requirements.txt")
    asked = Targets(
        known={
            package: target
            for package, target in found.known.items()
            if package not in left_open or not _VARIANT.search(target.source)
        }
    )
    return asked.updated(checkouts.stated(folder))


def _left_open(plain: Path) -> frozenset[str]:
    """Return the packages that a folder's plain requirements name without a release."""
    lines = _requirements_txt(paths.project_text(plain), plain)
    return frozenset(line.lower().replace("_", "-") for line in lines) & CURRENT.keys()


def _plainness(path: Path) -> tuple[int, str]:
    """Order ``requirements.txt`` before ``requirements-dev.txt``."""
    return len(path.name), path.name


def _of_file(path: Path, read: Callable[[str, Path], Iterator[str]]) -> Targets:
    text = paths.project_text(path)
    if not _WORTH_READING.search(text):
        return Targets()
    known: dict[str, Target] = {}
    try:
        requirements = list(read(text, path))
    except (ValueError, RecursionError, AttributeError, TypeError):  # not the file its name says
        return Targets()
    for requirement in requirements:
        for package, target in _named(requirement, paths.shown(path)):
            known[package] = either(known[package], target) if package in known else target
    return Targets(known=known)


def _named(requirement: str, source: str) -> Iterator[tuple[str, Target]]:
    if not _MENTION.search(requirement):
        return
    try:
        found = from_requirement(requirement, source)
    except (TargetError, ValueError):
        return
    if found is not None:
        yield found


def _requirements_txt(text: str, path: Path, seen: frozenset[Path] = frozenset()) -> Iterator[str]:
    for line in _unbroken(text).splitlines():
        content = re.sub(r"(^|\s)#.*", "", line).strip()
        option, _, name = content.replace("=", " ", 1).partition(" ")
        if option in ("-r", "--requirement", "-c", "--constraint"):
            other = path.parent / name.strip()
            if other not in seen and other != path:
                yield from _requirements_txt(paths.project_text(other), other, seen | {path, other})
        elif content and not content.startswith("-"):
            yield re.split(r"\s--", content)[0].strip()


def _toml_lock(text: str, _: Path) -> Iterator[str]:
    for package, version in _LOCKED.findall(text):
        yield f"{package}=={version}"


def _pipfile_lock(text: str, _: Path) -> Iterator[str]:
    for name, entry in json.loads(text).get("default", {}).items():
        yield f"{name}{entry.get('version', '')}"


def _pyproject(text: str, _: Path) -> Iterator[str]:
    data = _toml(text)
    project = data.get("project", {})
    yield from project.get("dependencies", ())
    groups = [*project.get("optional-dependencies", {}).values()]
    groups += data.get("dependency-groups", {}).values()
    for group in groups:
        yield from (item for item in group if isinstance(item, str))
    yield from _poetry(data.get("tool", {}).get("poetry", {}))


def _poetry(poetry: dict[str, Any]) -> Iterator[str]:
    tables = [poetry.get("dependencies", {})]
    tables += [group.get("dependencies", {}) for group in poetry.get("group", {}).values()]
    for name, entry in (item for table in tables for item in table.items()):
        version = entry.get("version") if isinstance(entry, dict) else entry
        if isinstance(version, str):
            yield f"{name}{_caret(version)}"


def _caret(version: str) -> str:
    """Spell Poetry's ``^0.17`` and bare ``0.17`` as a specifier: the first non-zero part stays."""
    match = _POETRY.match(version)
    if match is None:
        return f"=={version}" if version[:1].isdigit() else version.replace("*", "", 1)
    parts = [int(part) for part in match[1].strip(".").split(".")]
    index = next((i for i, part in enumerate(parts) if part), len(parts) - 1)
    upper = [*parts[:index], parts[index] + 1]
    return f">={match[1]},<{'.'.join(map(str, upper))}"


def _setup_py(text: str, _: Path) -> Iterator[str]:
    for line in text.splitlines():
        yield from _LISTED.findall(line.partition("#")[0])


def _setup_cfg(text: str, _: Path) -> Iterator[str]:
    yield from (line.strip() for line in text.splitlines())


def _environment(text: str, _: Path) -> Iterator[str]:
    import yaml  # few projects have such a file

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, Loader=loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError from error
    for item in data.get("dependencies") or ():
        if isinstance(item, str):
            yield _conda(item)
        else:
            yield from item.get("pip") or ()


def _dockerfile(text: str, _: Path) -> Iterator[str]:
    for line in _RUNS_PIP.findall(_unbroken(text)):
        words = line.replace('"', " ").replace("'", " ")
        yield from (f"{name}{bounds.rstrip(',')}" for name, bounds in _INSTALLED.findall(words))


def _conda(spec: str) -> str:
    """Spell conda's ``peft=0.17`` (any 0.17) and ``peft==0.17`` (that release) as a requirement."""
    match = _CONDA.match(spec.strip())
    if match is None:
        return spec.rpartition("::")[2]
    name, operator, version, _ = match.groups()
    return f"{name}=={version.removesuffix('*').rstrip('.')}{'.*' if operator == '=' else ''}"


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # only a project file needs it
    else:
        import tomli as tomllib
    data: dict[str, Any] = tomllib.loads(text)
    return data


_READERS: Final[tuple[tuple[str, Callable[[str, Path], Iterator[str]]], ...]] = (
    ("uv.lock", _toml_lock),
    ("poetry.lock", _toml_lock),
    ("Pipfile.lock", _pipfile_lock),
    ("requirements*.lock", _requirements_txt),
    ("requirements*.txt", _requirements_txt),
    ("pyproject.toml", _pyproject),
    ("setup.cfg", _setup_cfg),
    ("setup.py", _setup_py),
    ("environment.y*ml", _environment),
    ("Dockerfile", _dockerfile),
)
"""Files that name versions, the surest first."""
