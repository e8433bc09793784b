"""What the scripts of a project say of the config files that lie among them."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lora_advisor import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.source.tree import Document

MAX_SCRIPTS: Final = 400
"""Scripts that are looked at; a project with more has its own arguments among the first."""
MAX_BYTES: Final = 300_000
_SKIPPED: Final = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "build"})
_DECLARES: Final = re.compile(
    rb"HfArgumentParser|TrlParser|add_argument\(|metadata=\{|\bBase(?:Model|Settings)\b|argbind|tyro\."
)
_DECLARED: Final = re.compile(
    rb"""^[ \t]+([a-z]\w*)[ \t]*:[ \t]*[A-Za-z"'][^\n]*|add_argument\(\s*["']--([\w-]+)""",
    re.MULTILINE,
)
_READ: Final = re.compile(rb"""\bcfg(?:\.get\(\s*["']|\[["']|\.)([a-z]\w*)""")
"""What a program reads out of a config of OmegaConf, as torchtune's recipes do."""
_TYPED_READER: Final = re.compile(
    rb"^[ \t\"]*(?:from|import)[ \t]+(?:omegaconf|hydra|ruamel)\b", re.MULTILINE
)
_CONVERTS: Final = re.compile(
    rb"(?:^[ \t\"]*import yaml|__import__\([\"']yaml)\b[\s\S]*"
    rb"(?:\bfloat\([^)\n]*[\"'.](?:learning_rate|lr)\b"
    rb"|[\"'](?:learning_rate|lr)[\"'][ \t]*[,:][ \t]*float\b)",
    re.MULTILINE,
)
_OF_PYDANTIC: Final = re.compile(rb"\bBase(?:Model|Settings)\b")
_TYPED_RATE: Final = re.compile(
    rb"\b(?:learning_rate|lr)[ \t]*:[ \t]*(?:float|(?:Optional|Annotated)\[float)"
)


def declares(document: Document, name: str) -> bool:
    """Whether a script of the file's project has an argument of that name of its own.

    Such a key is the project's own program's, whatever the libraries call theirs.
    """
    top = _top(document)
    return top is not None and name in _declared(top)


def takes(document: Document, key: str, word: str) -> bool:
    """Whether a script of the file's project names that word among those of an argument of its own.

    A fork's trainer has stages, templates or optimizers that no release has.
    """
    top = _top(document)
    return top is not None and _takes(top, key, word)


def converts_numbers(document: Document) -> bool:
    """Whether a script of the project makes a number of text such as ``2e-4``.

    OmegaConf and ruamel read it as one, typed arguments and ``float(…)`` turn it into one.
    """
    top = _top(document)
    return top is not None and _converts(top)


def _top(document: Document) -> Path | None:
    """Return the project's folder; None for a text that is no file."""
    path = paths.absolute(document.path)
    return _top_of(path.parent) if path.is_file() else None


@cache
def _top_of(folder: Path) -> Path:
    return paths.top(folder)


@cache
def _declared(top: Path) -> frozenset[str]:
    found: set[bytes] = set()
    for text in _scripts(top):
        if _DECLARES.search(text):
            found.update(match[1] or match[2] for match in _DECLARED.finditer(text))
        if b"DictConfig" in text:
            found.update(_READ.findall(text))
    return frozenset(name.decode().replace("-", "_") for name in found)


@cache
def _takes(top: Path, key: str, word: str) -> bool:
    named = re.compile(rb"""\b%b\b[^\n]*["']%b["']""" % (_literal(key), _literal(word)))
    return any(_DECLARES.search(text) and named.search(text) for text in _scripts(top))


def _literal(text: str) -> bytes:
    return re.escape(text.encode())


@cache
def _converts(top: Path) -> bool:
    return any(
        _TYPED_READER.search(text)
        or (b"float" in text and _CONVERTS.search(text))
        or (_OF_PYDANTIC.search(text) and _TYPED_RATE.search(text))
        for text in _scripts(top)
    )


def _scripts(top: Path) -> Iterator[bytes]:
    """Yield the text of a project's scripts and notebooks, those in the upper folders first."""
    left = MAX_SCRIPTS
    for folder, inner, names in os.walk(top):
        inner[:] = sorted(name for name in inner if name not in _SKIPPED and name[:1] != ".")
        for name in sorted(names):
            if name.endswith((".py", ".ipynb")) and left:
                left -= 1
                yield _text(Path(folder) / name)
        if not left:
            return


def _text(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return b""
