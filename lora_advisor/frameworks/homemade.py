"""Configs of people's own scripts: YAML, JSON or TOML with sections or flat keys.

Nothing is known of such a script but what the file says: no default, no cast. A field is read
only where its name has one meaning and the file has one value for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import homemade_keys, signs
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.frameworks.interface import Framework
from lora_advisor.frameworks.readings import put_default
from lora_advisor.recipe import FIELDS, UNKNOWN, Origin
from lora_advisor.record import replace
from lora_advisor.source.scalars import yaml11
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.recipe import Value, WrittenKey
    from lora_advisor.source.tree import Document, Node

_NAMED_RANKS: Final = frozenset({"lora_r", "lora_rank", "lora_dim"})
_RANKS: Final = _NAMED_RANKS | {"r", "rank"}
_NAMED_SWITCHES: Final = frozenset({"use_lora", "use_peft", "lora_enable"})
_NAMED_BESIDE: Final = frozenset({"lora_alpha", "lora_target_modules", "lora_dropout"})
_BESIDE: Final = _NAMED_BESIDE | {"alpha", "target_modules", "dropout"}
_OF_TRAINING: Final = frozenset(
    {"learning_rate", "lr", "train_batch_size", "max_train_steps", "num_train_epochs", "max_steps"}
)
_BESIDE_TARGETS: Final = ("lora.target_parameters", "lora.exclude_modules")
_SWITCHES: Final = frozenset({"enabled", "enable", "active", "use"})
_SWITCH_STARTS: Final = ("is_", "use_", "enable", "with_")
_CHOICES: Final = frozenset(
    {"method", "tuning_type", "tuning_method", "finetuning_type", "peft_method", "lora", "peft"}
)
_ADAPTER_WORDS: Final = ("lora", "peft", "adapter")
_QUANT_WORDS: Final = ("quant", "qlora", "bnb", "4bit")
_OF_MLX: Final = frozenset(
    {"steps_per_report", "steps_per_eval", "val_batches", "iters", "lora_layers", "num_layers"}
)
_MLX: Final = "a script around mlx-lm has its own way with names of layers"
_TWICE: Final = "it is written twice, with different values"
_MANY: Final = "it is not one value"
_OFF: Final = "its section is switched off, or may be"
_AUTO: Final = "the script decides it"
_OTHER: Final = "the adapter is of another type than LoRA"


def _recognise(root: Node, _document: Document) -> str:
    """Find a section that speaks of LoRA and has a rank, or keys that name LoRA themselves.

    A rank that names LoRA may stand alone among keys of a training, and a switch that does stands
    for a rank.
    """
    flat = frozenset(_logged(root))
    if flat & _NAMED_SWITCHES and flat & _NAMED_BESIDE:
        return f"{min(flat & _NAMED_SWITCHES)} and {min(flat & _NAMED_BESIDE)}"
    if (flat & _RANKS and flat & _NAMED_BESIDE) or (flat & _NAMED_RANKS and flat & _BESIDE):
        return f"{min(flat & _RANKS)} and {min(flat & _BESIDE)}"
    if flat & _NAMED_RANKS and len(flat & _OF_TRAINING) > 1:
        return f"{min(flat & _NAMED_RANKS)} and {min(flat & _OF_TRAINING)}"
    return next((f"LoRA in {path}" for path in _lora_sections(root, "", 3)), "")


def _logged(root: Node) -> list[str]:
    """Return the flat keys; W&B's saved config has a mapping with ``value`` under each."""
    if not isinstance(root, Mapping):
        return []
    return [
        entry.key.text
        for entry in root.entries
        if not isinstance(entry.value, Mapping) or "value" in entry.value
    ]


def _lora_sections(root: Node, prefix: str, depth: int) -> Iterator[str]:
    """Yield the sections that have a rank of an adapter among their keys, or a switch for one."""
    if not isinstance(root, Mapping) or not depth:
        return
    for entry in root.entries:
        path = f"{prefix}{entry.key.text}"
        names = signs.keys(entry.value)
        ranks = _RANKS if _about_adapter(path) else _NAMED_RANKS
        switched = names & _NAMED_SWITCHES and names & _NAMED_BESIDE
        if switched or (names & ranks and names & _BESIDE):
            yield path
        yield from _lora_sections(entry.value, f"{path}.", depth - 1)


def _about_adapter(path: str) -> bool:
    return any(word in path.lower() for word in _ADAPTER_WORDS)


def _finish(draft: Draft) -> None:
    by_field: dict[str, list[WrittenKey]] = {}
    for key in draft.keys:
        if key.field is not None and not _is_section(draft, key):
            by_field.setdefault(key.field, []).append(key)
    composed = _composed(draft)
    for field, written in by_field.items():
        value = draft.values[field]
        why = _doubt(draft, value, field, written)
        if why:
            draft.values[field] = replace(
                value, value=UNKNOWN, origin=Origin.UNKNOWN, fits=True, why=why
            )
        elif composed:
            _read_as_yaml12(draft, field)
    _settle_model(draft)
    _settle_targets(draft)
    _settle_switches(draft)


def _is_section(draft: Draft, key: WrittenKey) -> bool:
    """Whether a key holds the mapping that its value stands in, as W&B writes it."""
    return draft.written(f"{key.path}.value") is not None


def _doubt(draft: Draft, value: Value, field: str, written: list[WrittenKey]) -> str:
    """Say why a field cannot be taken as written, empty if it can."""
    if value.value is UNKNOWN:
        return value.why
    if field.startswith("lora.") and _is_other_adapter(draft):
        return _OTHER
    if any(_switched_off(draft, key.path) for key in written):
        return _OFF
    if field.startswith("quant.") and _is_off(draft, _QUANT_WORDS):
        return _OFF
    if value.value == "auto" and not value.fits:
        return _AUTO
    if isinstance(value.value, (list, dict)) and not _may_be(FIELDS[field], value.value):
        return _MANY
    spelt = [draft.written(key.path) for key in written]
    first = spelt[0]
    if any(other is None or first is None or other.value != first.value for other in spelt):
        return _TWICE
    return ""


def _may_be(annotation: str, value: list[object] | dict[str, object]) -> bool:
    """Whether a list or mapping is one value of the field, not several to be tried."""
    nested = isinstance(value, list) and any(isinstance(item, list) for item in value)
    return not nested and type(value).__name__ in annotation


def _is_other_adapter(draft: Draft) -> bool:
    kind = draft.values.get("lora.peft_type")
    return kind is not None and isinstance(kind.value, str) and kind.value.upper() != "LORA"


def _switched_off(draft: Draft, path: str) -> bool:
    """Whether the section of a key, or one around it, has a switch that is not plainly on."""
    section = path.rpartition(".")[0]
    while section:
        for name in _SWITCHES:
            switch = draft.written(f"{section}.{name}")
            if switch is not None and switch.value is not True:
                return f"{section}.{name}" != path
        section = section.rpartition(".")[0]
    return False


def _is_off(draft: Draft, words: tuple[str, ...]) -> bool:
    """Whether a switch anywhere turns off what its name speaks of (``is_peft: false``)."""
    for key in draft.keys:
        if key.field is None and isinstance(key.node, Scalar):
            name = key.name.lower()
            named = name.startswith(_SWITCH_STARTS) and any(word in name for word in words)
            switch = draft.written(key.path) if named else None
            if switch is not None and switch.value is False:
                return True
    return False


def _composed(draft: Draft) -> bool:
    """Whether Hydra or OmegaConf will read the file: their numbers are those of YAML 1.2."""
    return "${" in draft.document.text or any(key.path == "defaults" for key in draft.keys)


def _read_as_yaml12(draft: Draft, field: str) -> None:
    """Read ``2e-4`` as the number that OmegaConf makes of it."""
    value = draft.values[field]
    if isinstance(value.value, str) and not value.fits:
        draft.put(field, cast_to(FIELDS[field], value.value), value)


def _settle_model(draft: Draft) -> None:
    """Take a flat ``model:`` for the model's name where it is text."""
    model = draft.written("model")
    if model is not None and isinstance(model.value, str):
        draft.values.setdefault("model.name_or_path", model)


def _settle_targets(draft: Draft) -> None:
    """Take a written list of targets for all that is said of where the adapter goes."""
    targets = draft.values.get("lora.target_modules")
    if targets is not None and len({key.name for key in draft.keys} & _OF_MLX) > 1:
        draft.unknown("lora.target_modules", _MLX)
    elif targets is not None and isinstance(targets.value, list):
        for field in _BESIDE_TARGETS:
            put_default(draft, field, None)


def _settle_switches(draft: Draft) -> None:
    """Take LoRA for trained where a rank is given and no choice in the file says otherwise."""
    rank = draft.values.get("lora.r")
    if rank is None or rank.value is UNKNOWN:
        return
    if rank.value == 0 and rank.key.rpartition(".")[2] in _NAMED_RANKS:  # as verl writes no LoRA
        draft.values.setdefault("lora.enabled", replace(rank, value=False, fits=True))
    if "lora.enabled" not in draft.values and _is_chosen(draft):
        draft.put("lora.enabled", True, rank)
    rate = draft.values.get("train.learning_rate")
    if rate is not None and draft.get("lora.enabled") is True:
        draft.put("train.enabled", True, rate)


def _is_chosen(draft: Draft) -> bool:
    chosen = all(_leaves_lora(draft, key) for key in draft.keys)
    return chosen and not _is_off(draft, _ADAPTER_WORDS)


def _leaves_lora(draft: Draft, key: WrittenKey) -> bool:
    """Whether a key leaves LoRA chosen: it is no choice of the method, or it chooses LoRA."""
    if not isinstance(key.node, Scalar) or key.name not in _CHOICES | _SWITCHES | {"type"}:
        return True
    if key.name not in _CHOICES and not _about_adapter(key.path):
        return True
    value = draft.written(key.path)
    return value is not None and value.value in (True, "lora", "qlora", "LORA", "LoRA", "QLoRA")


FRAMEWORKS: Final = (
    Framework(
        name="generic",
        title="a script's own config",
        rank=270,
        recognise=_recognise,
        keys=homemade_keys.Names(),
        scalars=yaml11,
        finish=_finish,
    ),
)
