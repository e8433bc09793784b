"""Shell scripts into trees: one mapping for each command, from its flags to their values.

The words before the first flag stand under ``$``, a script that a launcher starts after its own
flags under ``$script``. Variables are followed through plain
assignments and ``${NAME:-default}``; whatever else a shell would compute is unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.record import record
from lora_advisor.source.scalars import UNKNOWN_TAG
from lora_advisor.source.tree import Comment, Document, Entry, Mapping, Node, Scalar, Sequence, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COMMAND: Final = "$"
SCRIPT: Final = "$script"
_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r]+|\\\r?\n)"
    r"|(?P<end>\n|;;?|&&|\|\|?|&(?!>))"
    r"|(?P<comment>(?<![^\s;&|])\#[^\n]*)"
    r"|(?P<redirect>\d?(?:>>?|<)(?:&\d)?|&>>?)"
    r"|(?P<word>(?:\\[^\n]|'[^']*'|\"(?:\\.|[^\"\\])*\"|\$\([^()\n]*\)|\$\{[^{}\n]*\}|`[^`]*`"
    r"|[^\s;&|<>'\"\\])+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_HEREDOC: Final = re.compile(
    r"<<-?\s*(['\"]?)(\w+)\1[^\n]*\n(.*?)^\s*\2\s*$", re.DOTALL | re.MULTILINE
)
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_PIECE: Final = re.compile(
    r"'(?P<raw>[^']*)'|\\(?P<escaped>.)"
    r"|\$(?:\{(?P<name>[A-Za-z_]\w*)(?::?-(?P<default>[^{}]*))?\}|(?P<bare>[A-Za-z_]\w*))"
    r"|(?P<computed>\$\([^()]*\)|\$\{[^{}]*\}|`[^`]*`|\$[0-9@*#?])|(?P<quote>\")",
    re.DOTALL,
)
_FLAG: Final = re.compile(r"--?[A-Za-z][\w.\-]*")
_PAIR: Final = re.compile(r"[A-Za-z_+~][\w.+~]*=")


@record
class _Word:
    """One word: what the shell would pass on (None: it would compute it), and its place."""

    text: str | None
    raw: str
    span: Span
    quoted: bool


def parse_shell(text: str, path: str) -> Document:
    """Read a script; any text is a script, so nothing is refused."""
    blank = _HEREDOC.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    comments: list[Comment] = []
    roots = [_command(words) for words in _commands(blank, comments) if words]
    return Document(
        path=path, text=text, format="shell", roots=tuple(roots), comments=tuple(comments)
    )


def _commands(text: str, comments: list[Comment]) -> Iterator[list[_Word]]:
    """Yield the words of each command, assignments before it taken up and left out."""
    variables: dict[str, str | None] = {}
    words: list[_Word] = []
    redirected = False
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "comment":
            span = Span(start=match.start(), end=match.end())
            comments.append(Comment(text=match.group()[1:], span=span))
        elif match.lastgroup == "word":
            words += [] if redirected else [_word(match, variables)]
            redirected = False
        elif match.lastgroup == "redirect":
            redirected = "&" not in match.group()[1:]
        elif match.lastgroup == "end":
            yield _without_assignments(words, variables)
            words = []
    yield _without_assignments(words, variables)


def _word(match: re.Match[str], variables: dict[str, str | None]) -> _Word:
    raw = match.group()
    return _Word(
        text=_expanded(raw, variables),
        raw=raw,
        span=Span(start=match.start(), end=match.end()),
        quoted=raw[:1] in ("'", '"'),
    )


def _expanded(raw: str, variables: dict[str, str | None]) -> str | None:
    """Return a word as the command gets it; None where the shell computes a part of it."""
    parts: list[str] = []
    last = 0
    for match in _PIECE.finditer(raw):
        parts.append(raw[last : match.start()])
        last = match.end()
        piece = _piece(match, variables)
        if piece is None:
            return None
        parts.append(piece)
    return "".join([*parts, raw[last:]])


def _piece(match: re.Match[str], variables: dict[str, str | None]) -> str | None:
    if match["computed"] is not None:
        return None
    if match["quote"] is not None:
        return ""
    for group in ("raw", "escaped"):
        if match[group] is not None:
            return match[group]
    value = variables.get(match["name"] or match["bare"])
    return value if value is not None else match["default"]


def _without_assignments(words: list[_Word], variables: dict[str, str | None]) -> list[_Word]:
    """Take up ``NAME=value``; before a command it holds for that command only, and is unused."""
    rest = list(words)
    found: dict[str, str | None] = {}
    while rest and rest[0].raw in ("export", "local", "declare", "readonly"):
        rest.pop(0)
    while rest and (match := _ASSIGNMENT.fullmatch(rest[0].raw)):
        found[match[1]] = _expanded(match[2], variables)
        rest.pop(0)
    if not rest:
        for name, value in found.items():
            variables[name] = value if name not in variables else None
    return rest


def _command(words: list[_Word]) -> Mapping:
    """Return a command as a mapping; a flag's values reach to the next flag."""
    first = next((i for i, w in enumerate(words) if _is_option(w)), len(words))
    span = Span(start=words[0].span.start, end=words[-1].span.end)
    key = Scalar(text=COMMAND, plain=False, span=words[0].span)
    name = Sequence(items=tuple(_scalar(word) for word in words[:first]), span=words[0].span)
    return Mapping(entries=(Entry(key=key, value=name), *_options(words[first:])), span=span)


def _is_option(word: _Word) -> bool:
    return _FLAG.match(word.raw) is not None or _PAIR.match(word.raw) is not None


def _options(words: Iterable[_Word]) -> Iterator[Entry]:
    key: Scalar | None = None
    values: list[_Word] = []
    waiting = False
    for word in words:
        flag = _FLAG.match(word.raw) is not None
        if not word.quoted and (flag or (_PAIR.match(word.raw) and not waiting)):
            yield from _option(key, values)
            key, values = _split(word)
            waiting = not values and flag and "=" not in word.raw
        elif values and word.raw.endswith(".py"):
            yield from _option(key, values)
            key, values = Scalar(text=SCRIPT, plain=False, span=word.span), [word]
        else:
            values.append(word)
            waiting = False
    yield from _option(key, values)


def _split(word: _Word) -> tuple[Scalar, list[_Word]]:
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
    return key, [_Word(text=value, raw=word.raw[len(name) + 1 :], span=span, quoted=False)]


def _option(key: Scalar | None, values: list[_Word]) -> Iterator[Entry]:
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


def _scalar(word: _Word) -> Scalar:
    if word.text is None:
        return Scalar(text=word.raw, plain=True, span=word.span, tag=UNKNOWN_TAG)
    return Scalar(text=word.text, plain=True, span=word.span)
