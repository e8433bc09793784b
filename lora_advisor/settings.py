"""What a run is asked to do: rules, threshold, versions, exclusions; and where a project says so.

A project says it in ``[tool.lora-advisor]`` of ``pyproject.toml`` or in ``.lora-advisor.toml``,
whichever is nearest, from the folder that holds all checked paths up to the repository's root.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor import __version__, frameworks, gpus, paths, source
from lora_advisor.findings import Severity
from lora_advisor.record import field, record, replace
from lora_advisor.source.errors import SourceError
from lora_advisor.source.scalars import plain_value, toml_value
from lora_advisor.source.tree import Mapping as Table
from lora_advisor.targets import CURRENT, TargetError, Targets, from_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lora_advisor.gpus import Gpu
    from lora_advisor.plugins import Plugin
    from lora_advisor.source.tree import Document, Entry, Node

NAMES: Final = (".lora-advisor.toml", "pyproject.toml")
NEVER: Final = "never"
FIRST: Final = [0, 1, 0]
"""The release that the first rules came with."""


class SettingsError(Exception):
    """A settings file that cannot be used; the message starts with file, line and column."""


@record
class Settings:
    """The choices of one run; the defaults are those of ``lora-advisor check`` alone.

    ``fail_on`` is the lowest severity that fails the run, None for never. The patterns of
    ``per_file_ignores`` (to selectors), ``per_file_framework`` (to a format) and ``exclude`` count
    from ``base``, the folder of the settings file, None for the current one; ``per_key_ignores``
    goes from config paths such as ``trainer.lora.r`` to selectors. ``model`` is the
    folder of the base model that all checked configs are judged on; ``builds`` lets transformers
    build a model that nothing else knows, ``fetches`` the Hub be asked for its config; ``gpu`` is
    what they are to run on, ``baseline`` the file of the findings that are known.
    ``rules_version`` is the release of this program whose set of rules runs by default; newer rules
    run where a selector names them. ``rules`` are folders of
    cards of the project's own, ``plugins`` what the user named; ``asked_plugins`` are names that a
    settings file gives, which load nothing.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Severity | None = Severity.ERROR
    framework: str | None = None
    pedantic: bool = False
    targets: Targets = field(default_factory=Targets)
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    per_key_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    per_file_framework: Mapping[str, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    base: Path | None = None
    model: Path | None = None
    builds: bool = False
    fetches: bool = False
    gpu: Gpu | None = None
    processes: int | None = None
    baseline: Path | None = None
    rules_version: str | None = None
    rules: tuple[Path, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    asked_plugins: tuple[str, ...] = ()

    def excluded(self, file: str | Path) -> str | None:
        """Return the pattern that excludes a file or folder, None if it is checked."""
        return next((p for p in self.exclude if paths.covers(p, file, self.base)), None)

    def ignored(self, file: str) -> tuple[str, ...]:
        """Return the selectors of the rules that are silent in a file."""
        patterns = self.per_file_ignores.items()
        found = (selectors for p, selectors in patterns if paths.covers(p, file, self.base))
        return tuple(selector for selectors in found for selector in selectors)

    def framework_of(self, file: str) -> str | None:
        """Return the format a file is told to be in, None to recognise it."""
        patterns = self.per_file_framework.items()
        found = (name for p, name in patterns if paths.covers(p, file, self.base))
        return self.framework or next(found, None)


def nearest(checked: Iterable[str | Path]) -> Settings:
    """Read the settings of the project that the checked paths are in; defaults if it has none."""
    return next((found for _, found in _around(checked)), Settings())


def settings_file(checked: Iterable[str | Path]) -> str | None:
    """Name the settings file of the project that the checked paths are in, None if it has none."""
    return next((paths.shown(file) for file, _ in _around(checked)), None)


def _around(checked: Iterable[str | Path]) -> Iterator[tuple[Path, Settings]]:
    """Yield the settings files from the checked paths upwards, the nearest first."""
    folders = [_folder(paths.absolute(path)) for path in checked]
    start = Path(os.path.commonpath(folders)) if folders else Path.cwd()
    for folder in paths.upwards(start):
        for name in NAMES:
            found = _read(folder / name)
            if found is not None:
                yield folder / name, found


def from_file(path: Path) -> Settings:
    """Read one settings file (``--config``); without a table of ours it says nothing.

    Raises:
        SettingsError: The file is not there, or says what no setting takes.
    """
    if not path.is_file():
        raise SettingsError(f"{paths.shown(path)}: no such settings file")
    return _read(path) or Settings(base=path.absolute().parent)


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _read(path: Path, seen: tuple[Path, ...] = ()) -> Settings | None:
    """Read a file's settings, None when it is not there or has none."""
    if not path.is_file():
        return None
    name = paths.shown(path)
    try:
        data = path.read_bytes()
        own = path.name != "pyproject.toml"
        if not own and b"lora-advisor" not in data:
            return None
        document = source.parse(data, name, "toml")
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}") from None
    except SourceError as error:
        raise SettingsError(
            f"{name}:{error.line or 1}:{error.column or 1}: {error.message}"
        ) from None
    table = document.root if own else _own_table(document)
    return _settings(document, table, path, seen) if isinstance(table, Table) else None


def _own_table(document: Document) -> Node | None:
    tool = document.root.get("tool") if isinstance(document.root, Table) else None
    return tool.get("lora-advisor") if isinstance(tool, Table) else None


def _settings(
    document: Document, table: Table, path: Path, seen: tuple[Path, ...] = ()
) -> Settings:
    values: dict[str, Any] = {}
    for entry in table.entries:
        name = entry.key.text
        read = _READERS.get(name)
        if read is None:
            raise _error(document, entry, f"unknown setting {name!r}; {_hint(name)}")
        try:
            values[name.replace("-", "_")] = read(plain_value(entry.value, toml_value))
        except (TargetError, ValueError) as error:
            raise _error(document, entry, f"{name}: {error}") from None
    if "baseline" in values:
        values["baseline"] = path.parent / values["baseline"]
    if "rules" in values:
        values["rules"] = _own_rules(document, table, path, values["rules"])
    if "plugins" in values:
        values["asked_plugins"] = values.pop("plugins")
    above = values.pop("extends", None)
    parent = _extended(document, table, path, above, seen) if above is not None else Settings()
    targets = parent.targets.updated(values.pop("target", Targets()))
    return replace(parent, **values, targets=targets, base=path.absolute().parent)


def _extended(
    document: Document, table: Table, path: Path, above: Path, seen: tuple[Path, ...]
) -> Settings:
    """Read the settings that others rest on: a file of the same repository, no circle."""
    file = paths.absolute(path.absolute().parent / above)
    entry = _entry(table, "extends")
    if not _inside(file, path):
        raise _error(document, entry, "extends: the file must lie in this repository")
    if file in (*seen, path.absolute()):
        raise _error(document, entry, f"extends: {paths.shown(file)} leads back to itself")
    found = _read(file, (*seen, path.absolute()))
    if found is None:
        raise _error(document, entry, f"extends: {paths.shown(file)} has no settings")
    return found


def _own_rules(
    document: Document, table: Table, path: Path, folders: Iterable[Path]
) -> tuple[Path, ...]:
    """Find the folders of cards, none of them outside the repository that names it."""
    found = tuple(path.parent / folder for folder in folders)
    for folder in found:
        if not _inside(folder, path):
            message = f"rules: {paths.shown(folder)} must lie in this repository"
            raise _error(document, _entry(table, "rules"), message)
    return found


def _inside(file: Path, settings: Path) -> bool:
    """Whether a path, its links followed, lies in the repository of a settings file."""
    return file.resolve().is_relative_to(paths.top(settings.absolute().parent).resolve())


def _entry(table: Table, name: str) -> Entry:
    return next(entry for entry in table.entries if entry.key.text == name)


def _hint(name: str) -> str:
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(name, _READERS, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(_READERS)}"


def _error(document: Document, entry: Entry, message: str) -> SettingsError:
    place = document.place(entry.key.span)
    return SettingsError(f"{document.path}:{place.line}:{place.column}: {message}")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('expected a list of texts, such as ["LA201"]')
    return tuple(value)


def _file(value: object) -> Path:
    if not isinstance(value, str):
        raise ValueError("expected the path of a file")  # noqa: TRY004 - one kind of error for all
    return Path(value)


def _folders(value: object) -> tuple[Path, ...]:
    return tuple(Path(folder) for folder in _texts(value))


def _version(value: object) -> str:
    if not isinstance(value, str) or not all(part.isdigit() for part in value.split(".")):
        raise ValueError('expected a version of lora-advisor as text, such as "0.1"')
    wanted = [int(part) for part in value.split(".")]
    if wanted < FIRST[: len(wanted)]:
        raise ValueError(f"no rule is that old; the first came with {FIRST[0]}.{FIRST[1]}")
    if wanted > [int(part) for part in __version__.split(".")][: len(wanted)]:
        raise ValueError(f"newer than this program ({__version__}), which lacks rules of that set")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004 - one kind of error for all
    return value


def _table(value: object, example: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected a table, such as {example}")  # noqa: TRY004
    return value


def _per_file(value: object) -> dict[str, tuple[str, ...]]:
    table = _table(value, '{ "examples/*" = ["LA201"] }')
    return {pattern: _texts(selectors) for pattern, selectors in table.items()}


def _per_key(value: object) -> dict[str, tuple[str, ...]]:
    table = _table(value, '{ "trainer.lora.r" = ["LA170"] }')
    return {path: _texts(selectors) for path, selectors in table.items()}


def _per_file_framework(value: object) -> dict[str, str]:
    table = _table(value, '{ "configs/*.yaml" = "axolotl" }')
    return {pattern: known_framework(name) for pattern, name in table.items()}


def known_framework(name: object) -> str:
    """Return the name of a format; ValueError with the known ones for any other."""
    if isinstance(name, str) and frameworks.by_name(name) is not None:
        return name
    known = ", ".join(framework.name for framework in frameworks.frameworks())
    raise ValueError(f"unknown format {name!r}; known are {known}")


def threshold(value: object) -> Severity | None:
    """Read ``fail-on``: a severity, or ``never`` for None.

    Raises:
        ValueError: The word is neither.
    """
    if value == NEVER:
        return None
    levels = [str(severity) for severity in Severity]
    if value not in levels:
        raise ValueError(f"expected one of {', '.join([*levels, NEVER])}")
    return Severity[str(value).upper()]


def _targets(value: object) -> Targets:
    known = {}
    for package, version in _table(value, '{ peft = "0.17" }').items():
        if package not in CURRENT:
            raise ValueError(f"unknown package {package!r}; known are {', '.join(CURRENT)}")
        if not isinstance(version, str):
            raise ValueError(f"{package}: expected a version as text")  # noqa: TRY004
        known[package] = from_version(package, version, "settings")
    return Targets(known=known)


def _gpu(value: object) -> Gpu:
    if not isinstance(value, str):
        raise ValueError('expected a GPU as text, such as "24GB"')  # noqa: TRY004
    return gpus.roomiest(value)


def _processes(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("expected the number of processes, 1 or more")
    return value


_READERS: Final[dict[str, Callable[[object], object]]] = {
    "select": _texts,
    "ignore": _texts,
    "fail-on": threshold,
    "framework": known_framework,
    "pedantic": _flag,
    "target": _targets,
    "per-file-ignores": _per_file,
    "per-key-ignores": _per_key,
    "per-file-framework": _per_file_framework,
    "exclude": _texts,
    "gpu": _gpu,
    "processes": _processes,
    "baseline": _file,
    "extends": _file,
    "rules-version": _version,
    "rules": _folders,
    "plugins": _texts,
}
"""Every setting, and what checks and reads its value."""
