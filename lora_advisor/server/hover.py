"""What the pointer rests on: the parameter, what follows from its value, and rules about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lora_advisor import parameters
from lora_advisor.explaining import derived
from lora_advisor.server.positions import offset_of, range_of_span
from lora_advisor.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygls.workspace import TextDocument

    from lora_advisor.explaining import Derived
    from lora_advisor.facts import Facts
    from lora_advisor.parameters import Parameter
    from lora_advisor.recipe import WrittenKey
    from lora_advisor.server.state import Look


def hover(look: Look, document: TextDocument, position: types.Position) -> types.Hover | None:
    """Describe the key at a position; None where there is none that we know something of."""
    offset = offset_of(position, document)
    for facts in look.facts:
        key = _key_at(facts, offset)
        parts = [*_parts(key, facts)] if key is not None else []
        if key is not None and parts:
            text = types.MarkupContent(kind=types.MarkupKind.Markdown, value="\n\n".join(parts))
            span = key.key_at.span
            return types.Hover(contents=text, range=range_of_span(span.start, span.end, document))
    return None


def _key_at(facts: Facts, offset: int) -> WrittenKey | None:
    """Return the innermost key whose name or value covers an offset."""
    around = [
        key
        for key in facts.recipe.keys
        if key.key_at.document is facts.recipe.document
        and key.key_at.span.start <= offset <= max(key.key_at.span.end, key.value_at.span.end)
    ]
    return max(around, key=lambda key: key.key_at.span.start, default=None)


def _parts(key: WrittenKey, facts: Facts) -> Iterator[str]:
    field = key.field
    if field is None:
        return
    value = facts.recipe[field]
    page = parameters.load(key.name) or parameters.load(field)
    yield f"**`{key.name}`** is `{field}`: `{show(value.value)}`"
    follows = [fact for fact in derived(facts) if field in fact.fields and fact.is_number]
    if lines := [f"- {_line(fact)}" for fact in follows if fact.known or fact.why]:
        yield "\n".join(lines)
    if page is not None:
        yield _page(page)


def _line(fact: Derived) -> str:
    known = f"**{show(fact.value)}**" if fact.known else f"unknown ({fact.why})"
    return f"{fact.title}: {known}"


def _page(page: Parameter) -> str:
    sources = ", ".join(f"[{source.title}]({source.url})" for source in page.sources[:2])
    return (
        f"{page.what}\n\n*{page.higher_label}:* {page.higher}\n\n"
        f"*{page.lower_label}:* {page.lower}\n\n{sources}"
    )
