"""Shell scripts into trees: one mapping for each command, from its flags to their values.

The words before the first flag stand under ``$``, a script that a launcher starts after its own
flags under ``$script``, dots in the place of further flags under ``$...``. Variables are followed
through plain assignments and ``${NAME:-default}``; whatever else a shell would compute is unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.scalars import UNKNOWN_TAG
from lora_advisor.source.shell_words import ENVIRONMENT, Word, commands
from lora_advisor.source.tree import Comment, Document, Entry, Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COMMAND: Final = "$"
SCRIPT: Final = "$script"
VARIABLES: Final = "$env"
ELIDED: Final = "$..."
_DOTS: Final = frozenset({"...", "…"})
"""What a text about a command has in the place of further arguments."""
_MODULE: Final = frozenset({"m", "module"})
"""Flags of python, torchrun and deepspeed whose value is the module to run."""
_MORE: Final = pattern(r"\"?\$\{?[@*][^}\"]*\}?\"?|\$\{?\w+(?:\[[@*]\])?\}?")
_FLAG: Final = pattern(r"--?[A-Za-z][\w.\-]*")
_LAUNCHER: Final = pattern(
    r"python[\d.]*|accelerate|torchrun|deepspeed|\W*\w*python\w*\W*", re.IGNORECASE
)
"""Programs that start a script behind flags of their own, and variables named after one."""
_COMMAND: Final = pattern(r"(?:[^\s$]*/)?swift|\"?\$\(which swift\)\"?")
"""A trainer's own command, which a launcher can start like a script."""
_PAIR: Final = pattern(r"[A-Za-z_+~][\w.+~]*=")
_PAIRED: Final = ("_args", "_kwargs", "lora_modules", "lora_paths")


def parse_shell(text: str, path: str) -> Document:
    """Read a script; any text is a script, so nothing is refused."""
    comments: list[Comment] = []
    roots = [_command(words) for words in commands(text, comments)]
    return Document(
        path=path, text=text, format="shell", roots=tuple(roots), comments=tuple(comments)
    )


def _command(words: list[Word]) -> Mapping:
    """Return a command as a mapping; a flag's values reach to the next flag."""
    assigned = next((i for i, w in enumerate(words) if not _is_environment(w)), len(words))
    environment, words = words[:assigned], words[assigned:]
    first = next((i for i, w in enumerate(words) if _is_option(w)), len(words))
    behind = 1 if _starts_a_script(words[:1]) and _COMMAND.fullmatch(_raw(words[1:2])) else first
    span = Span(start=words[0].span.start, end=words[-1].span.end)
    key = Scalar(text=COMMAND, plain=False, span=words[0].span)
    name = Sequence(items=tuple(_scalar(word) for word in words[:behind]), span=words[0].span)
    options = _options(words[behind:], starts=_starts_a_script(words[:behind]))
    entries = (Entry(key=key, value=name), *options, *_environment(environment), *_elided(words))
    return Mapping(entries=entries, span=span)


def _is_environment(word: Word) -> bool:
    name, separator, _ = word.raw.partition("=")
    return bool(separator) and name in ENVIRONMENT


def _environment(words: list[Word]) -> Iterator[Entry]:
    """Yield the variables that a command is started with, under ``$env``."""
    if words:
        span = words[0].span
        pairs = [_split(word) for word in words]
        entries = tuple(Entry(key=key, value=_scalar(values[0])) for key, values in pairs if values)
        yield Entry(
            key=Scalar(text=VARIABLES, plain=False, span=span),
            value=Mapping(entries=entries, span=span),
        )


def _elided(words: list[Word]) -> Iterator[Entry]:
    """Yield the dots that stand for arguments nobody wrote, under ``$...``."""
    for word in words:
        if word.raw in _DOTS:
            yield Entry(key=Scalar(text=ELIDED, plain=False, span=word.span), value=_scalar(word))
            return


def _is_option(word: Word) -> bool:
    return _FLAG.match(word.raw) is not None or _PAIR.match(word.raw) is not None


def _starts_a_script(words: Iterable[Word]) -> bool:
    """Whether a launcher's script is still to come behind flags of its own (``python -u x.py``)."""
    raws = [word.text or word.raw for word in words]
    launches = any(_LAUNCHER.fullmatch(raw.rpartition("/")[2]) for raw in raws)
    return launches and not any(raw.endswith(".py") for raw in raws)


def _raw(words: list[Word]) -> str:
    return next((word.text or word.raw for word in words), "")


def _options(words: Iterable[Word], *, starts: bool) -> Iterator[Entry]:
    key: Scalar | None = None
    values: list[Word] = []
    waiting = False
    for word in words:
        flag = _FLAG.match(word.raw) is not None
        if not word.quoted and (flag or (_PAIR.match(word.raw) and not (waiting or _pairs(key)))):
            yield from _option(key, values)
            key, values = _split(word)
            waiting = not values and flag and "=" not in word.raw
        elif _is_script(word, values, starts=starts) or (waiting and _names_module(key)):
            yield from _option(key, values)
            key, values, waiting = Scalar(text=SCRIPT, plain=False, span=word.span), [word], False
            starts = False
        elif not (values and _passes_more(word)):
            values.append(word)
            waiting = False
    yield from _option(key, values)


def _is_script(word: Word, values: list[Word], *, starts: bool) -> bool:
    if starts and _COMMAND.fullmatch(word.text or word.raw):
        return True
    return (starts or bool(values)) and (word.text or word.raw).strip("\"'").endswith(".py")


def _passes_more(word: Word) -> bool:
    """Whether a word stands for further arguments: ``"$@"``, dots, a variable nobody can tell."""
    return word.raw in _DOTS or (word.text is None and _MORE.fullmatch(word.raw) is not None)


def _pairs(key: Scalar | None) -> bool:
    """Whether a flag's values are pairs of its own: ``--optimizer_args eps=1e-8 decay=0``."""
    return key is not None and key.text.endswith(_PAIRED)


def _names_module(key: Scalar | None) -> bool:
    return key is not None and key.text in _MODULE


def _split(word: Word) -> tuple[Scalar, list[Word]]:
    """Split ``--key=value`` and ``key=value``; a flag alone has its values behind it."""
    name, separator, _ = word.raw.partition("=")
    start = word.span.start + len(name) - len(name.lstrip("-+~"))
    text = name.lstrip("-+~")
    text = text.replace("-", "_") if name.startswith("--") else text
    key = Scalar(text=text, plain=False, span=Span(start=start, end=word.span.start + len(name)))
    if not separator:
        return key, []
    value = word.text.partition("=")[2] if word.text is not None else None
    span = Span(start=word.span.start + len(name) + 1, end=word.span.end)
    return key, [Word(text=value, raw=word.raw[len(name) + 1 :], span=span, quoted=False)]


def _option(key: Scalar | None, values: list[Word]) -> Iterator[Entry]:
    if key is None:
        return
    value: Node
    if not values:
        value = Scalar(text="true", plain=True, span=key.span)
    elif len(values) == 1:
        value = _scalar(values[0])
    else:
        span = Span(start=values[0].span.start, end=values[-1].span.end)
        value = Sequence(items=tuple(_scalar(word) for word in values), span=span)
    yield Entry(key=key, value=value)


def _scalar(word: Word) -> Scalar:
    if word.text is None:
        return Scalar(text=word.raw, plain=True, span=word.span, tag=UNKNOWN_TAG)
    return Scalar(text=word.text, plain=True, span=word.span)
