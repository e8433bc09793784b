"""Files of a run: named ones are always looked at, folders are searched for configs.

Passed over in folders: hidden ones, virtual environments, ``node_modules``, ``__pycache__``,
``site-packages``, what unsloth compiled and W&B recorded; suffixes that no config has; scripts and
notebooks that neither speak of LoRA or PEFT nor train with unsloth, and unit tests; JSON and
scripts above :data:`MAX_FOUND` that are no adapter config, notebooks above :data:`MAX_BYTES`;
whatever ``exclude`` means, which counts for named files too.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lora_advisor import paths, source
from lora_advisor.findings import Failure, Notice, mistake
from lora_advisor.record import field, record
from lora_advisor.source import SUFFIXES
from lora_advisor.source.errors import SourceError
from lora_advisor.source.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.settings import Settings
    from lora_advisor.source.tree import Document

MAX_FOUND: Final = 1_000_000
ADAPTER: Final = "adapter_config.json"
SKIPPED_FOLDERS: Final = frozenset(
    {"node_modules", "__pycache__", "site-packages", "unsloth_compiled_cache"}
)

_OURS: Final = re.compile(
    rb"(?:^|[\s{,])[\"']?[\w.-]*(?:lora|peft|adapter|per_device|micro_batch|learning|finetun)"
    rb"[\w.-]*[\"']?\s*[:=]",
    re.IGNORECASE,
)
"""A key of ours."""
_RECORDS: Final = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-\w+")
"""Folders in which W&B keeps what it recorded of a run."""
_ADAPTS: Final = re.compile(rb"lora|peft|(?:from|import) unsloth\b[\s\S]*Trainer\(", re.IGNORECASE)
PROGRAMS: Final = (".py", ".ipynb", ".sh", ".bash", ".job", ".sbatch", ".slurm")
_TESTS: Final = re.compile(rb"^\s*(?:import|from) (?:pytest|unittest)\b", re.MULTILINE)
_TEMPLATE: Final = re.compile(rb"\{\{|\{%")
_BLANKS: Final = re.compile(rb":\s*(?:\$\{?\w|[A-Z][A-Z_]+\b)")
"""Places of a JSON template that a script fills in: ``"stage": ${stage}``, ``"size": GB_SIZE``."""


@record
class Found:
    """A file of a run, to be read when its turn comes.

    ``name`` is what reports call it; ``named``: by the user; ``text`` is given in place of what it
    holds.
    """

    path: Path
    name: str
    named: bool
    text: bytes | None = None


@record
class Discovery:
    """What a search found: files to read, and what could not be read.

    ``named`` are the files the user named, as shown; ``seen`` the real paths of files and folders.
    """

    settings: Settings
    files: list[Found] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)


def discover(
    checked: Iterable[str | Path], settings: Settings, *, found: bool = False
) -> Discovery:
    """Find named files and search named folders; nothing that goes wrong stops the search.

    ``found`` treats named files as if a folder had been searched: what is no config is passed over.
    """
    discovery = Discovery(settings=settings)
    for path in map(Path, checked):
        pattern = settings.excluded(path)
        if pattern is not None:
            _notice(discovery, path, f"is excluded by {pattern!r}", minor=found)
        elif path.is_dir():
            _search(discovery, path, ())
        elif not found or (path.suffix.lower() in SUFFIXES and not _is_data(path)):
            _take(discovery, path, named=not found)
    return discovery


def take_text(discovery: Discovery, data: bytes, name: str) -> None:
    """Take a config that was given as text (standard input) under a name."""
    pattern = discovery.settings.excluded(name)
    if pattern is not None:
        _notice(discovery, Path(name), f"is excluded by {pattern!r}", minor=False)
        return
    discovery.named.add(name)
    discovery.files.append(Found(path=Path(name), name=name, named=True, text=data))


def companion(discovery: Discovery, path: Path) -> Document | None:
    """Read a file that a config names, None if it was found before; a broken one is told of."""
    known = len(discovery.files)
    _take(discovery, path, named=False)
    return read(discovery, discovery.files[-1]) if len(discovery.files) > known else None


def _search(discovery: Discovery, folder: Path, above: tuple[str, ...]) -> None:
    """Search a folder; ``above`` are the folders it lies in, to tell a loop."""
    try:
        identity = os.path.realpath(folder)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        _fail(discovery, folder, _reason(error))
        return
    if identity in above:
        _fail(discovery, folder, "directory loop: the link leads back to a folder above it")
        return
    if identity in discovery.seen:
        return
    discovery.seen.add(identity)
    for entry in entries:
        _visit(discovery, entry, (*above, identity))


def _visit(discovery: Discovery, entry: os.DirEntry[str], above: tuple[str, ...]) -> None:
    path = Path(entry.path)
    try:
        is_folder = entry.is_dir()
    except OSError as error:
        _fail(discovery, path, _reason(error))
        return
    if not is_folder and path.suffix.lower() not in SUFFIXES:
        return
    if (is_folder and _is_skipped(path)) or discovery.settings.excluded(path) is not None:
        return
    if is_folder:
        _search(discovery, path, above)
    elif not entry.name.startswith(".") and not _is_data(path):
        _take(discovery, path, named=False)


def _is_skipped(folder: Path) -> bool:
    hidden = folder.name.startswith(".")
    written = folder.name in SKIPPED_FOLDERS or _RECORDS.fullmatch(folder.name) is not None
    return hidden or written or (folder / "pyvenv.cfg").exists()


def _is_data(path: Path) -> bool:
    """Whether a file is too large for anything but a data set, a tokenizer or saved outputs."""
    if path.suffix.lower() not in (".json", *PROGRAMS) or path.name == ADAPTER:
        return False
    most = MAX_BYTES if path.suffix.lower() == ".ipynb" else MAX_FOUND  # outputs are large
    try:
        return path.stat().st_size > most
    except OSError:
        return False


def _take(discovery: Discovery, path: Path, *, named: bool) -> None:
    if named:
        discovery.named.add(paths.shown(path))
    try:
        identity = os.path.realpath(path)
        if identity in discovery.seen:
            return
    except (OSError, ValueError) as error:
        _fail(discovery, path, _reason(error))
        return
    discovery.seen.add(identity)
    discovery.files.append(Found(path=path, name=paths.shown(path), named=named))


def read(discovery: Discovery, found: Found) -> Document | None:
    """Read a file of a run; None if it is no config, or broken, which the discovery then tells."""
    path, named = found.path, found.named
    try:
        data = _bytes(path) if found.text is None else found.text
    except (OSError, ValueError) as error:
        _fail(discovery, path, _reason(error))
        return None
    if not named and path.name.startswith(("test_", "conftest")) and _TESTS.search(data):
        return None
    if named or path.suffix.lower() not in PROGRAMS or _ADAPTS.search(data):
        return _parse(discovery, data, found.name, named=named)
    return None


def glimpse(found: Found) -> bytes:
    """Return what a file holds, before its turn to be read; nothing of one that cannot be read."""
    try:
        return _bytes(found.path) if found.text is None else found.text
    except (OSError, ValueError):
        return b""


def _bytes(path: Path) -> bytes:
    """Read a regular file of bounded size; ValueError says why it is not one."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise ValueError("not a regular file")
    if state.st_size > MAX_BYTES:
        raise ValueError(
            f"too large for a config: {state.st_size / 1e6:.0f} MB, at most {MAX_BYTES // 10**6} MB"
        )
    return path.read_bytes()


def _parse(discovery: Discovery, data: bytes, name: str, *, named: bool) -> Document | None:
    try:
        document = source.parse(data, name)
    except SourceError as error:
        problem = failure(error)
    except Exception as error:  # noqa: BLE001 - the other files are still checked
        discovery.failures.append(mistake(name, error))
        return None
    else:
        if document.text and not document.text.isspace():
            return document
        problem = Failure(file=name, message="the file is empty: there is nothing to check")
    if named or (_is_broken_config(data, name) and not _is_lines(problem, name)):
        discovery.failures.append(problem)
    else:
        message = f"was passed over: {problem.message} (line {problem.line or 1})"
        minor = not name.endswith(PROGRAMS)
        discovery.notices.append(Notice(file=name, message=message, minor=minor))
    return None


def _is_broken_config(data: bytes, name: str) -> bool:
    """Whether an unreadable file that a search met was meant for us.

    A template never was, and a script may be in a Python that this one cannot read.
    """
    if name.endswith(PROGRAMS):
        return False
    ours = name.endswith(ADAPTER) or _OURS.search(data) is not None
    filled_in = _TEMPLATE.search(data) or (name.endswith(".json") and _BLANKS.search(data))
    return bool(data.strip()) and ours and not filled_in


def _is_lines(problem: Failure, name: str) -> bool:
    """Whether a file is data with one JSON value a line, whatever its suffix says."""
    return "JSON Lines" in problem.message and not name.endswith(ADAPTER)


def failure(error: SourceError) -> Failure:
    """Turn a syntax error into the line a report prints for it."""
    return Failure(file=error.path, message=error.message, line=error.line, column=error.column)


def companion_paths(named: Iterable[str], config: str) -> Iterator[Path]:
    """Find the files a config names: beside it, from the current folder, or from one above it.

    Files outside the project are none of ours.
    """
    folder = Path(config).absolute().parent
    last = paths.top(folder)
    for name in named:
        bases = (Path.cwd(), *paths.upwards(folder))
        places = (Path(os.path.normpath(base / name)) for base in bases)
        existing = (place for place in places if last in place.parents and place.is_file())
        first = next(existing, None)
        if first is not None:
            yield first


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "cannot be read").lower()
    return str(error)


def _fail(discovery: Discovery, path: Path, message: str) -> None:
    discovery.failures.append(Failure(file=paths.shown(path), message=message))


def _notice(discovery: Discovery, path: Path, message: str, *, minor: bool) -> None:
    notice = Notice(file=paths.shown(path), message=message, minor=minor)
    discovery.notices.append(notice)
