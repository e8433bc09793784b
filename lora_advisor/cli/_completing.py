"""What a shell is offered when one presses Tab: rules, formats, parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click
    from click.shell_completion import CompletionItem


def rules(_context: click.Context, _parameter: object, begun: str) -> list[CompletionItem]:
    """Offer rules by code and by name; of a list with commas the last one is completed."""
    from lora_advisor.rules import load

    before, comma, last = begun.rpartition(",")
    known = ((name, rule.summary) for rule in load() for name in (rule.code, rule.name))
    return _items(known, last, f"{before}{comma}")


def formats(_context: click.Context, _parameter: object, begun: str) -> list[CompletionItem]:
    """Offer the formats that are read."""
    from lora_advisor.frameworks import frameworks

    return _items(((known.name, known.title) for known in frameworks()), begun)


def schemas(_context: click.Context, _parameter: object, begun: str) -> list[CompletionItem]:
    """Offer the formats that have a JSON Schema."""
    from lora_advisor.frameworks import frameworks
    from lora_advisor.frameworks.json_schema import has_schema

    return _items(((one.name, one.title) for one in frameworks() if has_schema(one)), begun)


def writers(_context: click.Context, _parameter: object, begun: str) -> list[CompletionItem]:
    """Offer the formats that are written."""
    from lora_advisor.convert import writers as known

    return _items(((name, "") for name in known()), begun)


def subjects(_context: click.Context, _parameter: object, begun: str) -> list[CompletionItem]:
    """Offer parameters; where none begins like that, the shell offers files."""
    from click.shell_completion import CompletionItem

    from lora_advisor.parameters import names

    found = _items(((name, "") for name in names()), begun)
    return found or [CompletionItem(begun, type="file")]


def _items(known: Iterable[tuple[str, str]], begun: str, before: str = "") -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(f"{before}{name}", help=told or None)
        for name, told in sorted(known)
        if name.casefold().startswith(begun.casefold())
    ]
