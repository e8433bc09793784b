"""Which calls of a script belong together: the values that flow from one into another.

``get_peft_model(model, config)`` holds the call that made ``config``; a call is known by the
places of its arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.scalars import is_unknown
from lora_advisor.source.tree import Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Sequence as Listing

    from lora_advisor.source.tree import Node, Span

Identity = tuple[int, ...]
_BASE: Final = pattern(r"Model|\wFor[A-Z]\w+$|LM$")


def identity(node: Node) -> Identity:
    """Return the places of a call's arguments, empty for a call without any."""
    entries = node.entries if isinstance(node, Mapping) else ()
    return tuple(entry.key.span.start for entry in entries)


def sources(call: Entry, calls: Listing[Entry]) -> list[Entry]:
    """Return the calls whose results flow into a call, through others where need be."""
    by_identity = {identity(other.value): other for other in calls if identity(other.value)}
    inside = _inside(call.value.entries if isinstance(call.value, Mapping) else ())
    found = [by_identity[key] for node in inside if (key := identity(node)) in by_identity]
    return list({id(one): one for one in found if one is not call}.values())


def _inside(entries: Iterable[Entry]) -> Iterator[Node]:
    for entry in entries:
        yield from _nodes(entry.value)


def _nodes(node: Node) -> Iterator[Node]:
    if isinstance(node, Mapping):
        yield node
        yield from _inside(node.entries)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _nodes(item)


def runs(
    calls: Listing[Entry], strict: Listing[Callable[[Entry], bool]], loads: Callable[[Entry], bool]
) -> list[list[Entry]] | None:
    """Split calls by trainer, each with the adapter, the arguments and the base it gets.

    ``strict`` kinds are those of which one at most belongs to a trainer. None where the flow does
    not tell for every trainer. An adapter that no trainer gets stands alone.
    """
    sinks = _sinks(calls)
    flows = [sources(sink, calls) for sink in sinks]
    chosen = [
        _chosen(flow, calls, strict, loads if names_model(sink) is None else _nothing)
        for sink, flow in zip(sinks, flows, strict=True)
    ]
    if not sinks or any(part is None for part in chosen):
        return None
    kinds = (*strict, loads)
    used = {id(call) for part in chosen for call in part or ()}
    alone = [call for call in calls if strict[0](call) and id(call) not in used]
    found = []
    for sink, flow, part in zip(sinks, flows, chosen, strict=True):
        others = [call for other in flows if other is not flow for call in other]
        shared = [
            call
            for call in calls
            if not _is_of(call, kinds)
            and call not in sinks
            and (call in flow or call not in others)
        ]
        found.append(_in_order(calls, [sink, *(part or ()), *shared]))
    rest = [call for call in calls if not _is_of(call, kinds) and call not in sinks]
    return found + [_in_order(calls, [one, *rest]) for one in alone]


def _sinks(calls: Listing[Entry]) -> list[Entry]:
    """Return the trainers; without any, what puts an adapter into a model."""
    trainers = [call for call in calls if call.key.text.endswith("Trainer")]
    return trainers or [call for call in calls if call.key.text == "get_peft_model"]


def _chosen(
    flow: Listing[Entry],
    calls: Listing[Entry],
    strict: Listing[Callable[[Entry], bool]],
    loads: Callable[[Entry], bool],
) -> list[Entry] | None:
    """Return what of each kind belongs to a flow; None if a kind that exists does not tell."""
    kept: list[Entry] = []
    for kind in strict:
        own = [call for call in flow if kind(call)]
        every = [call for call in calls if kind(call)]
        if len(own) > 1 or (not own and len(every) > 1):
            return None
        kept += own or every
    bases = [call for call in flow if loads(call)] or [call for call in calls if loads(call)]
    return kept + bases[:1]


def argument(call: Entry, name: str) -> Node | None:
    """Return what a call gives an argument, None where it does not; ``**`` is what it spreads."""
    return call.value.get(name) if isinstance(call.value, Mapping) else None


def owner(call: Entry) -> str:
    """Return the class or variable that a method is called on, empty for a function."""
    found = argument(call, "of")
    return found.text if isinstance(found, Scalar) else ""


def loads_base(call: Entry) -> bool:
    """Whether a call loads a base model; one that is given a model puts something around it."""
    of = owner(call)
    wraps = isinstance(argument(call, "pretrained_model_name_or_path"), Mapping)
    loads = call.key.text in ("from_pretrained", "for_inference") and not wraps
    return loads and _BASE.search(of) is not None and not of.startswith("Peft")


def names_model(trainer: Entry) -> Entry | None:
    """Return the argument that gives a trainer its model by name, for the trainer to load."""
    entries = trainer.value.entries if isinstance(trainer.value, Mapping) else ()
    given = next((entry for entry in entries if entry.key.text == "model"), None)
    named = given is not None and isinstance(given.value, Scalar) and not given.value.plain
    return given if named and given and not is_unknown(given.value) else None


def _nothing(call: Entry) -> bool:
    del call
    return False


def _is_of(call: Entry, kinds: Listing[Callable[[Entry], bool]]) -> bool:
    return any(kind(call) for kind in kinds)


def _in_order(calls: Listing[Entry], chosen: Listing[Entry]) -> list[Entry]:
    ids = {id(call) for call in chosen}
    return [call for call in calls if id(call) in ids]


def alternatives(call: Entry, calls: Listing[Entry], choices: Listing[Entry]) -> list[Entry]:
    """Return the calls of a name that stand in the other branch of a choice around a call."""
    found = []
    for choice in choices:
        blocks = (
            [item.span for item in choice.value.items] if isinstance(choice.value, Sequence) else []
        )
        own = [block for block in blocks if _within(call, block)]
        others = [block for block in blocks if block not in own] if own else []
        found += [other for other in calls for block in others if _within(other, block)]
    return [other for other in found if other.key.text == call.key.text]


def may_be_passed_over(call: Entry, choices: Listing[Entry], beside: Entry) -> bool:
    """Whether a call stands in a branch in which another call does not."""
    blocks = (
        item.span
        for choice in choices
        for item in (choice.value.items if isinstance(choice.value, Sequence) else ())
    )
    return any(_within(call, block) and not _within(beside, block) for block in blocks)


def _within(call: Entry, block: Span) -> bool:
    return block.start <= call.key.span.start < block.end
