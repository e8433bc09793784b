"""Module tables of model types nobody has looked at: built by transformers, in its own process.

Without weights, network or remote code, within bounds of memory and time (``models/meta.py``), and
once for each config: the answer is kept in the user's cache, by the config and the release of
transformers. A table that is there is used everywhere; building takes a wish (see ``Lookup``).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zlib
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.table import Module, ModuleTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECONDS: Final = 180
MEMORY: Final = 8 << 30
_WITHOUT_MODULES: Final = frozenset(
    """auto_map quantization_config transformers_version torch_dtype dtype use_cache _name_or_path
    _commit_hash""".split()  # noqa: SIM905 - a list of names
)
_ROOT: Final = Path(__file__).resolve().parents[2]


def folder() -> Path:
    """Return where built tables are kept: below ``XDG_CACHE_HOME``, or ``~/.cache``."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "lora-advisor", "models")


def kept(config: Mapping[str, Any], auto_class: str | None) -> ModuleTable | None:
    """Return the table of a config that was built before, None if there is none."""
    answer = _read(_digest(config, auto_class))
    return as_table(answer) if answer is not None else None


def built(config: Mapping[str, Any], auto_class: str | None) -> ModuleTable | None:
    """Return a config's table, built now if it was not before; None where it cannot be."""
    digest = _digest(config, auto_class)
    answer = _read(digest)
    if answer is None and _can_build():
        answer = _asked(config, auto_class)
        if answer is not None:
            _write(digest, answer)
    return as_table(answer) if answer is not None else None


def refusal(config: Mapping[str, Any], auto_class: str | None) -> str:
    """Return why the library does not build a config, as it said when it was asked, else empty."""
    answer = _read(_digest(config, auto_class)) or {}
    text = " ".join(str(answer.get("failed", "")).split())
    return f"transformers {answer['transformers']} says {text}" if text else ""


def _can_build() -> bool:
    return all(find_spec(name) is not None for name in ("torch", "transformers"))


def _digest(config: Mapping[str, Any], auto_class: str | None) -> str:
    shaping = {key: value for key, value in config.items() if key not in _WITHOUT_MODULES}
    text = json.dumps([shaping, auto_class], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(digest: str) -> dict[str, Any] | None:
    """Return what was answered before, by the release that is installed if by that one, too."""
    try:
        paths = sorted(folder().glob(f"{digest}-*.z"))
    except OSError:
        return None
    if not paths:
        return None
    own = f"{digest}-{_release()}.z"
    if _release() and all(path.name != own for path in paths):
        return None
    chosen = next((path for path in paths if path.name == own), paths[-1])
    with suppress(OSError, ValueError, zlib.error):
        content: dict[str, Any] = json.loads(zlib.decompress(chosen.read_bytes()))
        return content
    return None


def _release() -> str:
    """Return the release of transformers that is installed, empty where none is."""
    from importlib import metadata  # takes a while, and is seldom asked

    try:
        return metadata.version("transformers")
    except metadata.PackageNotFoundError:
        return ""


def _write(digest: str, answer: Mapping[str, Any]) -> None:
    path = folder() / f"{digest}-{answer['transformers']}.z"
    part = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(zlib.compress(json.dumps(answer).encode()))
        part.replace(path)


def _asked(config: Mapping[str, Any], auto_class: str | None) -> dict[str, Any] | None:
    """Have the table built; None where the process did not end as it should."""
    paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    try:
        ran = subprocess.run(  # our own module; the config is data on stdin
            [sys.executable, "-m", "lora_advisor.models.meta"],
            input=json.dumps({"config": config, "auto_class": auto_class}),
            text=True,
            capture_output=True,
            timeout=SECONDS,
            check=True,
            cwd=Path(sys.executable).anchor,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            preexec_fn=_limits(),
        )
        answer: dict[str, Any] = json.loads(ran.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return answer


def _limits() -> Callable[[], None] | None:
    """Return what bounds the memory of a new process, where the system has such a bound."""
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def as_table(answer: Mapping[str, Any]) -> ModuleTable | None:
    """Return what ``meta.described`` wrote down as a table, None where the library refused."""
    if "failed" in answer:
        return None
    release = str(answer["transformers"])
    return ModuleTable(
        modules=tuple(_module(item) for item in answer["modules"]),
        model_type=answer["type"],
        auto_class=answer["auto"],
        source=f"built with transformers {release}",
        transformers=int(release.partition(".")[0]),
        input_embedding=answer["input"],
        output_embedding=answer["output"],
        tie_word_embeddings=answer["tie"],
        tied_modules=tuple(answer["tied"]),
        shared_modules=dict(answer["shared"]),
        shared_parameters=dict(answer["ties"]),
        generates=answer["generates"],
    )


def _module(item: list[Any]) -> Module:
    name, kind, class_name, shapes, transposed, groups = item
    return Module(
        name=name,
        kind=kind,
        class_name=class_name,
        parameters=tuple((own, tuple(shape)) for own, *shape in shapes),
        transposed=transposed,
        groups=groups,
    )
