"""Ignore comments: ``# lora-advisor: ignore[LA101, other-rule] reason``.

On a line with a key it covers that key and all below it; on a line of its own it covers the next
line that is not a comment. ``ignore-file[…]`` covers the file. A comment names its rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.findings import Ignored, Ignores
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Location
from lora_advisor.rules import find, means
from lora_advisor.source.tree import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lora_advisor.findings import Finding, Skipped
    from lora_advisor.recipe import Recipe
    from lora_advisor.rules import Rule
    from lora_advisor.settings import Settings
    from lora_advisor.source.tree import Comment, Document

_DIRECTIVE: Final = pattern(r"\s*lora-advisor:\s*(ignore|ignore-file)\[([^\]]*)\]\s*(.*)")


def apply(
    findings: list[Finding],
    unsaid: tuple[Iterable[Finding], Iterable[Skipped]],
    recipe: Recipe,
    settings: Settings,
    selected: tuple[Sequence[Rule], Sequence[Rule]],
) -> tuple[list[Finding], Ignores]:
    """Drop what comments and settings silence; say which comments did nothing.

    ``unsaid`` are findings that another one covers, and rules that were skipped, ``selected`` the
    rules that ran and all there are: a comment for what was left unsaid or did not run is not
    called unused.
    """
    covered, skipped = unsaid
    rules, every = selected
    comments = list(_ignored(recipe.document, every))
    lines = _key_lines(recipe) if comments else {}
    used: set[int] = {
        index
        for index, comment in enumerate(comments)
        if any(comment.selector in (rule.code, rule.name) for rule in skipped)
    }
    used |= {i for i, c in enumerate(comments) if any(_silences(c, f, lines) for f in covered)}
    kept = []
    for finding in findings:
        silencing = [i for i, c in enumerate(comments) if _silences(c, finding, lines)]
        used.update(silencing)
        if not silencing and not _ignored_path(finding, settings, rules):
            kept.append(finding)
    unused = (
        c for i, c in enumerate(comments) if i not in used and find(rules, c.selector) is not None
    )
    unknown = (comment for comment in comments if not comment.known)
    return kept, Ignores(unused=tuple(unused), unknown=tuple(unknown))


def _ignored(document: Document, rules: Sequence[Rule]) -> Iterator[Ignored]:
    for comment in document.comments:
        match = _DIRECTIVE.match(comment.text)
        if match is None:
            continue
        kind, selectors, reason = match.groups()
        line = None if kind == "ignore-file" else _covered_line(document, comment)
        for selector in (part.strip() for part in selectors.split(",")):
            yield Ignored(
                path="",
                at=Location(document=document, span=_selector_span(document, comment, selector)),
                value=selector,
                selector=selector,
                reason=reason,
                line=line,
                known=find(rules, selector) is not None,
            )


def _covered_line(document: Document, comment: Comment) -> int:
    number = document.place(comment.span).line
    if not document.line(number).lstrip().startswith("#"):
        return number
    last = document.text.count("\n") + 1
    while number < last and document.line(number).lstrip()[:1] in ("#", ""):
        number += 1
    return number


def _selector_span(document: Document, comment: Comment, selector: str) -> Span:
    raw = document.text[comment.span.start : comment.span.end]
    offset = raw.find(selector, raw.find("[")) if selector else raw.find("[")
    start = comment.span.start + max(offset, 0)
    return Span(start=start, end=start + max(len(selector), 1))


def _key_lines(recipe: Recipe) -> dict[str, int]:
    return {
        key.path: key.key_at.document.place(key.key_at.span).line
        for key in recipe.keys
        if key.key_at.document is recipe.document
    }


def _silences(comment: Ignored, finding: Finding, lines: dict[str, int]) -> bool:
    if comment.selector not in (finding.code, finding.name):
        return False
    if comment.line is None:
        return True
    if finding.place.line <= comment.line <= finding.place.end_line:
        return True
    return any(lines.get(path) == comment.line for path in _ancestors(finding.path))


def _ancestors(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]


def _ignored_path(finding: Finding, settings: Settings, rules: Sequence[Rule]) -> bool:
    by_key = settings.per_key_ignores
    selectors = [*settings.ignored(finding.place.file)]
    selectors += [s for path in _ancestors(finding.path) for s in by_key.get(path, ())]
    rule = find(rules, finding.code) if selectors else None
    return rule is not None and any(means(selector, rule) for selector in selectors)
