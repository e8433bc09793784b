"""What a config format is: its signs, its keys, its defaults, and how its loader reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lora_advisor.record import field, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.scalars import Resolver
    from lora_advisor.source.tree import Document, Node

OnUnknown = Literal["raises", "drops", "warns", "unchecked"]
"""What the framework does with a key it does not know; ``unchecked``: we do not know its keys."""


def as_is(value: object) -> object:
    """Return a value unchanged: the reader of most keys."""
    return value


def comma_list(value: object) -> object:
    """Split comma text the way frameworks do that take ``q_proj,v_proj`` for a list."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def inverted(value: object) -> object:
    """Read a ``disable_…`` switch as the switch it turns off."""
    return not value if isinstance(value, bool) else value


@record
class Key:
    """The canonical field a key feeds, and how its value is read.

    ``read`` may answer UNKNOWN (``bf16: auto``); ``why`` then says what decides.
    """

    field: str
    read: Callable[[object], object] = as_is
    why: str = ""


@record
class Framework:
    """One config format.

    ``recognise`` answers the sign it found in a root node, empty for none; the formats are asked
    in the order of ``rank``. ``keys`` maps written paths (``datasets[].type``) to fields.
    ``casts`` says that the loader turns numeric and boolean text into the type it declares.
    ``defaults`` are the framework's own; a field of a group in ``knows`` that has none takes the
    library's default, a field of any other group is unknown unless it is written. ``finish``
    settles what several keys decide together. ``schema`` names the key lists (package and owners)
    that the loader knows, ``extra`` further keys; ``companion`` marks a file that belongs to a
    training config without being one.
    """

    name: str
    title: str
    rank: int
    recognise: Callable[[Node, Document], str]
    keys: Mapping[str, str | Key]
    scalars: Resolver
    casts: bool = False
    defaults: Mapping[str, object] = field(default_factory=dict)
    knows: frozenset[str] = frozenset()
    finish: Callable[[Draft], None] | None = None
    on_unknown: OnUnknown = "unchecked"
    schema: tuple[tuple[str, tuple[str, ...]], ...] = ()
    extra: frozenset[str] = frozenset()
    package: str = ""
    companion: bool = False
