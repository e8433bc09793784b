"""What writes a recipe in one format: which keys its values become, and the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor import frameworks
from lora_advisor.frameworks.interface import Key
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lora_advisor.frameworks.interface import Framework

_INSIDE: Final = frozenset({"run.zero_stage", "run.offload"})
"""Fields that are read out of a file or block which is itself a value."""
_NOT_OF_TRANSFORMERS: Final = frozenset({"adam", "adamax", "prodigy"})
"""Optimizers of other programs: none of these is a word of transformers' trainers."""
DATASET: Final = "data.dataset"
"""Stands beside the canonical fields: the name of the training data."""
GROUPS: Final = {
    "model": "Base model",
    "quant": "Base model",
    "lora": "Adapter",
    "data": "Data",
    "train": "Training",
    "run": "Output",
}


class ConvertError(ValueError):
    """A recipe that a format cannot say at all; the message says why."""


@record
class Entry:
    """One key to write: its dotted path and value, the group it stands under, what it says."""

    path: str
    value: object
    group: str
    field: str = ""


@record
class Writer:
    """One target format.

    ``name`` is that of the format's reader, ``template`` a file of ``lora_advisor/templates``.
    ``entries`` turns values into keys; ``remarks`` says what a user has to fill in or know.
    ``methods`` are the trainings the format has, ``file`` names the file (``{method}.yaml``).
    ``needs`` names the layers that the format adapts where it is told to adapt all.
    """

    name: str
    title: str
    template: str
    methods: tuple[str, ...]
    entries: Callable[[Mapping[str, object]], list[Entry]]
    remarks: Callable[[Mapping[str, object]], list[str]] = lambda _values: []
    file: str = "config.yaml"
    needs: tuple[str, ...] = ()

    def file_for(self, method: str) -> str:
        """Return the name of the file, from which some readers tell the training's method."""
        command = {"sft": "sft", "pretrain": "pt"}.get(method, "rlhf")
        return self.file.format(method=method, command=command)


def renamed(path: str) -> Callable[[object, Mapping[str, object]], Mapping[str, object]]:
    """Write a value under another key than the first that feeds its field."""
    return lambda value, _values: {path: value}


def left_out(_value: object, _values: Mapping[str, object]) -> Mapping[str, object]:
    """Write nothing: other keys say it, or nothing in the format does."""
    return {}


def spelled(
    values: Mapping[str, object],
    framework: str,
    special: Mapping[str, Callable[[object, Mapping[str, object]], Mapping[str, object]]],
) -> list[Entry]:
    """Write every value under the key its reader takes it from; ``special`` goes first."""
    reader = frameworks.by_name(framework)
    spelling = plain_keys(reader) if reader is not None else {}
    found: list[Entry] = []
    for field in ordered(values):
        value = values[field]
        if field in _INSIDE or (field == "train.optim" and value in _NOT_OF_TRANSFORMERS):
            continue
        if field in special:
            pairs = special[field](value, values)
        elif field in spelling and value is not None:
            pairs = {spelling[field]: value}
        else:
            continue
        group = field.partition(".")[0]
        found += [
            Entry(path=path, value=own, group=group, field=field) for path, own in pairs.items()
        ]
    return found


def plain_keys(framework: Framework) -> dict[str, str]:
    """Return the first key of a format that feeds each field."""
    found: dict[str, str] = {}
    for path, target in framework.keys.items():
        field = target.field if isinstance(target, Key) else target
        if "[" not in path:
            found.setdefault(field, path)
    return found


def ordered(values: Mapping[str, object]) -> Iterable[str]:
    """Return the fields by group, the base model first, each in the vocabulary's order."""
    from lora_advisor.recipe import FIELDS  # only here

    order = {field: place for place, field in enumerate((DATASET, *FIELDS))}
    groups = list(GROUPS)
    return sorted(
        (field for field in values if field in order),
        key=lambda field: (groups.index(field.partition(".")[0]), order[field]),
    )


def truthy(
    path: str, written: object = True
) -> Callable[[object, Mapping[str, object]], Mapping[str, object]]:
    """Write a switch only where it is on."""
    return lambda value, _values: {path: written} if value else {}


def warmup(value: object, values: Mapping[str, object]) -> Mapping[str, object]:
    """Write steps as steps and a share below 1 as ``warmup_ratio``, which older readers want."""
    ratio = values.get("train.warmup_ratio")
    if ratio or not isinstance(value, (int, float)):
        return {}
    return {"warmup_ratio": value} if 0 < value < 1 else {"warmup_steps": int(value)}


def of_four(path: str) -> Callable[[object, Mapping[str, object]], Mapping[str, object]]:
    """Write a value at ``path`` where the base is loaded in 4 bits, and nowhere else."""
    return lambda value, values: {path: value} if values.get("quant.load_in_4bit") else {}


def file_kind(name: object) -> str:
    """Return the loader of a local data file (``json``, ``csv``, ``parquet``), empty for others."""
    ending = str(name).rpartition(".")[2].lower()
    kinds = {"json": "json", "jsonl": "json", "csv": "csv", "parquet": "parquet"}
    return kinds.get(ending, "")
