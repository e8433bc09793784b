"""Facts of the processes that a command starts and the GPUs that it lets them see.

Source: ``transformers.TrainingArguments._setup_devices`` and ``accelerate.PartialState``, which
give each process of a machine the GPU of its number; ``torch.cuda.set_device`` stops at one that
is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.launch import devices
from lora_advisor.recipe import Item
from lora_advisor.source.shell import VARIABLES
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Document, Entry

_PER_MACHINE: Final = frozenset(
    {"nproc_per_node", "nproc-per-node", "NPROC_PER_NODE", "num_processes"}
)
_MACHINES: Final = frozenset({"nnodes", "num_machines", "NNODES"})
_ELSEWHERE: Final = frozenset({"config_file", "hostfile", "machine_rank", "main_process_ip"})
"""Flags of a launcher that name a file that may tell of more machines, or tell of one of them."""


def beyond_visible_gpus(recipe: Recipe) -> tuple[Item, ...]:
    """Return the number of processes that is above the GPUs its command can see; the hint is those.

    Only a command on one machine that names its GPUs is judged.
    """
    stated = recipe["run.num_processes"]
    at, number = stated.key_at, stated.value
    if at is None or at.document.format != "shell" or not isinstance(number, int):
        return ()
    flags = _beside(at.document, at.span.start)
    machines = [entry for entry in flags if entry.key.text in _MACHINES]
    names = {entry.key.text for entry in flags}
    if stated.key not in _PER_MACHINE or names & _ELSEWHERE:
        return ()
    if any(_text(entry) != "1" for entry in machines):
        return ()
    told = [_text(entry) for entry in flags if entry.key.text == "CUDA_VISIBLE_DEVICES"]
    visible = devices(told[-1]) if told else None
    if visible is None or number <= visible:
        return ()
    return (Item(path=stated.key, at=at, value=number, hint=str(visible)),)


def _beside(document: Document, start: int) -> list[Entry]:
    """Return the flags and variables of the command that has one at a place."""
    for root in document.roots:
        entries = list(root.entries) if isinstance(root, Mapping) else []
        variables = [entry for entry in entries if entry.key.text == VARIABLES]
        for one in variables:
            entries += one.value.entries if isinstance(one.value, Mapping) else ()
        if any(entry.key.span.start == start for entry in entries):
            return entries
    return []


def _text(entry: Entry) -> str:
    known = isinstance(entry.value, Scalar) and entry.value.tag is None
    return entry.value.text if known and isinstance(entry.value, Scalar) else ""
