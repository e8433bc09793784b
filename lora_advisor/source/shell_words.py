"""The words of a shell script's commands, variables and arrays put in where they are known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.record import record, replace
from lora_advisor.source.position import blank
from lora_advisor.source.tree import Comment, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = pattern(
    r"(?P<space>[ \t\r]+|\\\r?\n|[\^`][ \t]*\r?\n)"
    r"|(?P<end>\n|;;?|&&|\|\|?|&(?!>))"
    r"|(?P<comment>(?<![^\s;&|(])\#[^\n]*)"
    r"|(?P<redirect>\d?(?:>>?|<)(?:&\d)?|&>>?)"
    r"|(?P<word>(?:\\[^\n]|'[^']*'|\"(?:\\.|[^\"\\])*\"|\$\([^()\n]*\)|\$\{[^{}\n]*\}|`[^`]*`"
    r"|[^\s;&|<>'\"\\])+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_HEREDOC: Final = pattern(
    r"(?:^[ \t]*read[ \t][^\n]*?(?P<name>\w+)[ \t]*)?"
    r"<<-?\s*(['\"]?)(?P<end>\w+)\2[^\n]*\n(?P<text>.*?)^\s*(?P=end)\s*$",
    re.DOTALL | re.MULTILINE,
)
"""Text up to a line with a word of one's own, and the variable that takes it."""
_ASSIGNMENT: Final = pattern(r"([A-Za-z_]\w*)(\+?)=(.*)", re.DOTALL)
_ARRAY: Final = pattern(r"([A-Za-z_]\w*)(\+?)=\((.*)", re.DOTALL)
_WHOLE: Final = pattern(r"\$(?:\{([A-Za-z_]\w*)(?:\[[@*]\])?\}|([A-Za-z_]\w*))")
_PIECE: Final = pattern(
    r"'(?P<raw>[^']*)'|\\(?P<escaped>.)"
    r"|\$(?:\{(?P<name>[A-Za-z_]\w*)(?::?-(?P<default>[^{}]*))?\}|(?P<bare>[A-Za-z_]\w*))"
    r"|(?P<computed>\$\([^()]*\)|\$\{[^{}]*\}|`[^`]*`|\$[0-9@*#?])|(?P<quote>\")",
    re.DOTALL,
)
ENVIRONMENT: Final = ("CUDA_VISIBLE_DEVICES", "NPROC_PER_NODE", "FORCE_TORCHRUN")
"""Variables that say how many processes a command starts, and on which GPUs."""
_PART: Final = pattern(r"(?:\\(?!\s).|'[^'\n]*'|\$\{[^{}\n]*\}|\$\([^()\n]*\)|[^\s\\])+", re.DOTALL)
"""A word of several in one pair of quotes."""
_SEVERAL: Final = 2
_OPENING: Final = frozenset({"if", "for", "while", "until", "case", "select"})
_CLOSING: Final = frozenset({"fi", "done", "esac"})
_PRINTING: Final = frozenset({"echo", "printf"})
"""Commands whose words are shown, not run."""
_BEFORE: Final = frozenset(
    {"export", "local", "declare", "readonly", "then", "else", "elif", "do", "{", "time"}
    | {"exec", "nohup", "sudo", "env", "-a", "-x", "srun", "command"}
)
"""Words before an assignment or a command that change nothing about it here."""


@record
class Word:
    """One word: what the shell would pass on (None: it would compute it), and its place."""

    text: str | None
    raw: str
    span: Span
    quoted: bool


def commands(text: str, comments: list[Comment]) -> Iterator[list[Word]]:
    """Yield the words of each command, assignments taken up and left out; collect comments."""
    return _Reader(comments).read(_HEREDOC.sub(_without_heredoc, text))


def _without_heredoc(match: re.Match[str]) -> str:
    """Blank text that is no command; ``read -d '' NAME <<EOF`` keeps a command for later.

    Where a word of a later command is that name, its text is written as an array of that name.
    """
    text, name = match.group(), match["name"]
    if name is None:
        return blank(text)
    start, end = (place - match.start() for place in match.span("text"))
    before, behind = blank(text[:start]), blank(text[end:])
    if re.search(rf"\s\$\{{?{name}\}}?\s", match.string[match.end() :]):
        opening = f"{name}=("
        before = opening + before[len(opening) :]
        behind = re.sub(r" (?!.* )", ")", behind, count=1, flags=re.DOTALL)
    return before + text[start:end] + behind


class _Reader:
    """A walk through a script that keeps its variables and arrays."""

    def __init__(self, comments: list[Comment]) -> None:
        self._comments = comments
        self._variables: dict[str, list[Word] | None] = {}
        self._depth = 0

    def read(self, text: str) -> Iterator[list[Word]]:
        words: list[Word] = []
        array: list[Word] | None = None
        redirected = False
        for match in _TOKEN.finditer(text):
            if match.lastgroup == "comment":
                span = Span(start=match.start(), end=match.end())
                self._comments.append(Comment(text=match.group()[1:], span=span))
            elif match.lastgroup == "word":
                array = self._take(match, words, array, redirected=redirected)
                redirected = False
            elif match.lastgroup == "redirect":
                redirected = "&" not in match.group()[1:]
            elif match.lastgroup == "end" and array is None:
                yield from self._command(words)
                words = []
        yield from self._command(words)

    def _take(
        self,
        match: re.Match[str],
        words: list[Word],
        array: list[Word] | None,
        *,
        redirected: bool,
    ) -> list[Word] | None:
        """Add a word to the command, or to the array whose bracket is open; return that array."""
        if array is None and (opened := _ARRAY.fullmatch(match.group())) and not redirected:
            start = match.start() + opened.start(3)
            name = Word(text=opened[1], raw=opened[1] + opened[2], span=Span(start=0, end=0),
                        quoted=False)  # fmt: skip
            return self._fill([name], opened[3], start)
        if array is not None:
            return self._fill(array, match.group(), match.start())
        if not redirected:
            words += self._words(match.group(), match.start())
        return None

    def _fill(self, array: list[Word], raw: str, start: int) -> list[Word] | None:
        """Put words into an array up to its closing bracket."""
        closed = raw.endswith(")") and not raw.endswith("\\)")
        raw = raw[:-1] if closed else raw
        array = [*array, *(self._words(raw, start) if raw else [])]
        if not closed:
            return array
        head, values = array[0], array[1:]
        before = self._variables.get(head.raw[:-1]) if head.raw.endswith("+") else None
        self._assign(head.text or "", [*(before or []), *values], more=head.raw.endswith("+"))
        return None

    def _words(self, raw: str, start: int) -> list[Word]:
        """Read a word; an array or an unquoted variable is several."""
        span = Span(start=start, end=start + len(raw))
        quoted = raw[:1] in ("'", '"')
        known = self._held(raw)
        if known and ("[" in raw or (len(known) > 1 and not quoted)):
            return known
        return [Word(text=self._expanded(raw), raw=raw, span=span, quoted=quoted)]

    def _held(self, raw: str) -> list[Word]:
        """Return what the variable holds that a word is, or is in double quotes."""
        whole = _WHOLE.fullmatch(raw[1:-1] if raw[:1] == '"' else raw)
        known = self._variables.get(whole[1] or whole[2]) if whole is not None else None
        return known or []

    def _expanded(self, raw: str) -> str | None:
        """Return a word as the command gets it; None where the shell computes a part of it."""
        parts: list[str] = []
        last = 0
        for match in _PIECE.finditer(raw):
            parts.append(raw[last : match.start()])
            last = match.end()
            piece = self._piece(match)
            if piece is None:
                return None
            parts.append(piece)
        return "".join([*parts, raw[last:]])

    def _piece(self, match: re.Match[str]) -> str | None:
        if match["computed"] is not None:
            return None
        if match["quote"] is not None:
            return ""
        for group in ("raw", "escaped"):
            if match[group] is not None:
                return match[group]
        known = self._variables.get(match["name"] or match["bare"])
        texts = [word.text for word in known] if known else []
        if None in texts:
            return None
        return " ".join(str(text) for text in texts) if known else match["default"]

    def _command(self, words: list[Word]) -> Iterator[list[Word]]:
        """Take up ``NAME=value``; before a command it holds for that command only."""
        rest = self._follow(words)
        found: list[tuple[re.Match[str], Word]] = []
        while rest and (match := _ASSIGNMENT.fullmatch(rest[0].raw)):
            found.append((match, rest.pop(0)))
        if rest:
            yield [*self._exported(found), *rest]
            return
        for match, word in found:
            start = word.span.start + match.start(3)
            more = match[2] == "+"
            before = self._variables.get(match[1]) if more else None
            self._assign(match[1], [*(before or []), *self._split(match[3], start)], more=more)

    def _exported(self, found: list[tuple[re.Match[str], Word]]) -> list[Word]:
        """Return what of the environment says how a command is launched, as ``NAME=value``."""
        own = {match[1]: self._split(match[3], word.span.start) for match, word in found}
        values = {name: own.get(name) or self._variables.get(name) for name in ENVIRONMENT}
        spans = {match[1]: word.span for match, word in found}
        known = {name: words[0] for name, words in values.items() if words}
        return [
            Word(
                text=f"{name}={word.text}" if word.text is not None else None,
                raw=f"{name}={word.raw}",
                span=spans.get(name, word.span),
                quoted=False,
            )
            for name, word in known.items()
        ]

    def _follow(self, words: list[Word]) -> list[Word]:
        """Leave out words before a command, and note where branches begin and end."""
        rest = list(words)
        while rest and (rest[0].raw in _BEFORE or rest[0].raw in _CLOSING):
            self._depth -= rest.pop(0).raw in _CLOSING
        if rest and rest[0].raw in _OPENING:
            self._depth += 1
        if rest and rest[0].raw == "eval":
            return [part for word in rest[1:] for part in self._evaluated(word)]
        return [] if rest and rest[0].raw in _PRINTING else rest

    def _evaluated(self, word: Word) -> list[Word]:
        """Return the words that ``eval "$command"`` reads out of one."""
        return self._held(word.raw) or self._split(word.raw, word.span.start)

    def _split(self, raw: str, start: int) -> list[Word]:
        """Read an assigned value: the words it falls into when it is put in without quotes."""
        if len(held := self._held(raw)) >= _SEVERAL:
            return held
        quoted = raw[:1] == '"' == raw[-1:] and '"' not in raw[1:-1].replace('\\"', "")
        plain = not set(raw) & set("$`'\"")
        if not (quoted or plain) or len(raw.split()) < _SEVERAL:
            return self._whole(raw, start)
        inner = raw[1:-1] if quoted else raw
        pieces = [(m.group(), start + quoted + m.start()) for m in _PART.finditer(inner)]
        return [word for piece, at in pieces for word in self._part(piece, at)]

    def _whole(self, raw: str, start: int) -> list[Word]:
        """Read a value of one word, or of words that stand nowhere by themselves."""
        text, span = self._expanded(raw), Span(start=start, end=start + len(raw))
        parts = [text] if text is None else (text.split() or [text])
        return [Word(text=part, raw=part or raw, span=span, quoted=False) for part in parts]

    def _part(self, raw: str, start: int) -> list[Word]:
        """Read one word of a value; a variable may hold several, or a flag."""
        known = self._held(raw)
        if known and known[0].raw.startswith("-"):
            return known
        return [replace(word, quoted=False) for word in self._words(raw, start)]

    def _assign(self, name: str, words: list[Word], *, more: bool = False) -> None:
        """Keep a value; inside a branch another value makes it uncertain."""
        again = name in self._variables and (self._depth > 0)
        uncertain = again or (more and self._depth > 0)
        self._variables[name] = None if uncertain else words
