"""Recipes in another format: what is written, what does not carry over, what changes.

Every module of this package that has a ``WRITER`` adds a format. What was written is read again by
the format's own reader, and the difference to the recipe is what the user is told.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Final

from lora_advisor import frameworks, source
from lora_advisor.convert.difference import differs, told
from lora_advisor.convert.render import text_of
from lora_advisor.convert.writer import DATASET, ConvertError, Writer
from lora_advisor.recipe import UNKNOWN
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.recipe import Recipe, Value

ROUNDS: Final = 3
"""Defaults that are made explicit may change others (a quantiser, a schedule): until none does."""
_GROUPS: Final = ("lora.", "train.", "quant.")
_DATA: Final = ("data.max_length", "data.packing", "model.dtype")
_OF_THE_FILE: Final = frozenset(
    {"train.enabled", "train.report_to", "train.logging_steps", "train.save_steps", "quant.bits"}
    | {
        "train.save_strategy",
        "train.save_total_limit",
        "train.dataloader_num_workers",
        "train.tf32",
    }
    | {"train.dataloader_prefetch_factor", "train.eval_steps", "train.eval_strategy", "train.seed"}
    | {"train.per_device_eval_batch_size", "train.label_names", "train.torch_compile"}
    | {"train.activation_checkpointing", "train.load_best_model_at_end", "train.save_only_model"}
    | {"train.ddp_find_unused_parameters", "lora.inference_mode", "train.computes_metrics"}
    | {"train.metric_for_best_model", "train.greater_is_better", "train.use_liger_kernel"}
    | {"lora.loraplus_lr_embedding", "quant.llm_int8_threshold", "quant.method"}
)
"""Fields whose defaults say nothing of what is learnt."""


ALL: Final = "all-linear"
BASE: Final = "path/to/the/base-model"
"""Stands where a file names no base model."""
_DATA_KEYS: Final = frozenset({"datasets", "dataset", "dataset_name", "data", "load_dataset"})
_SAID_ELSEWHERE: Final = frozenset(
    {"run.calls", "run.trainer_arguments", "train.enabled", "data.special_tokens", "quant.bits"}
    | {"quant.method", "train.warmup_ratio"}
)


@record
class Note:
    """One thing to tell: ``kind`` is lost, changed or unknown; ``field`` may be empty."""

    kind: str
    field: str
    key: str
    message: str


@record
class Converted:
    """A config in another format and what its user has to know."""

    text: str
    file: str
    notes: tuple[Note, ...]
    remarks: tuple[str, ...]


@cache
def writers() -> dict[str, Writer]:
    """Return every target format by its name."""
    found: dict[str, Writer] = {}
    for info in pkgutil.iter_modules(__path__):
        writer = getattr(importlib.import_module(f"{__name__}.{info.name}"), "WRITER", None)
        if isinstance(writer, Writer):
            found[writer.name] = writer
    return dict(sorted(found.items()))


def write(values: Mapping[str, object], writer: Writer) -> str:
    """Write values in a format; ConvertError where it has no such training."""
    method = values.get("train.method", "sft")
    if method not in writer.methods:
        others = ", ".join(name for name, w in writers().items() if method in w.methods)
        raise ConvertError(f"{writer.title} has no {method} training here; {others or 'none'} has")
    return text_of(writer, values)


def convert(recipe: Recipe, writer: Writer) -> Converted:
    """Write a recipe in another format and compare what its reader makes of it.

    Raises:
        ConvertError: The recipe trains nothing, or the other format cannot say what it trains.
    """
    if recipe["train.enabled"].value is False:
        raise ConvertError("it trains nothing, so there is nothing to convert")
    values = written(recipe)
    text = write(values, writer)
    for _ in range(ROUNDS):
        back = read_back(text, writer, values)
        missing = {
            field: value.value
            for field, value in recipe.values.items()
            if field not in values and _matters(field, recipe) and differs(field, recipe, back)
        }
        if not missing:
            break
        values = {**values, **missing}
        text = write(values, writer)
    return Converted(
        text=text,
        file=writer.file_for(str(values["train.method"])),
        notes=tuple(_notes(recipe, read_back(text, writer, values), writer)),
        remarks=tuple(writer.remarks(values)),
    )


def convert_values(
    values: Mapping[str, object],
    writer: Writer,
    *,
    recipe: Recipe | None = None,
    dataset: str = "",
    layers: frozenset[str] = frozenset(),
) -> Converted:
    """Write advised values, over what a recipe says where there is one.

    ``layers`` are the last names of the model's linear layers, empty where they are not known.

    Raises:
        ConvertError: The format adapts layers that are not among ``layers``.
    """
    targets = values.get("lora.target_modules")
    strange = isinstance(targets, list) and set(writer.needs).isdisjoint(targets)
    if layers and (targets == ALL or strange) and not layers.issuperset(writer.needs):
        missing = ", ".join(sorted(set(writer.needs) - layers))
        raise ConvertError(f"{writer.title} would adapt {missing}, which this model has not")
    own = written(recipe) if recipe is not None else {}
    whole = {"run.output_dir": _folder(values), DATASET: dataset or "train.jsonl", **own, **values}
    if dataset:
        whole[DATASET] = dataset
    return Converted(
        text=write(whole, writer),
        file=writer.file_for(str(whole.get("train.method", "sft"))),
        notes=(),
        remarks=tuple(writer.remarks(whole)),
    )


def _folder(values: Mapping[str, object]) -> str:
    """Return a name for the run's output, after the base model."""
    name = str(values.get("model.name_or_path") or "model").rstrip("/").rpartition("/")[2]
    return f"out/{name.lower()}-lora"


def read_back(text: str, writer: Writer, values: Mapping[str, object]) -> Recipe | None:
    """Read what was written with the format's own reader."""
    file = writer.file_for(str(values.get("train.method", "sft")))
    found = frameworks.read(source.parse(text, file))
    return found[0] if found else None


def written(recipe: Recipe) -> dict[str, object]:
    """Return what a recipe's file says, with the training's method and the data it names."""
    found = {field: v.value for field, v in recipe.values.items() if v.written and _known(v)}
    method = recipe["train.method"]
    found["train.method"] = method.value if isinstance(method.value, str) else "sft"
    found["lora.enabled"] = recipe["lora.enabled"].value is not False
    found["model.name_or_path"] = found.get("model.name_or_path") or BASE
    dataset = _dataset(recipe)
    return {**found, DATASET: dataset} if dataset else found


def _known(value: Value) -> bool:
    return value.value is not UNKNOWN and value.fits


def _matters(field: str, recipe: Recipe) -> bool:
    """Whether a default of this field changes what is learnt in this training."""
    if field.startswith("quant.") and not _quantised(recipe):
        return False
    if field == "train.loss_type" and recipe["train.method"].value in ("sft", "pretrain"):
        return False
    return (field.startswith(_GROUPS) or field in _DATA) and field not in _OF_THE_FILE


def _quantised(recipe: Recipe) -> bool:
    return any(recipe[f"quant.load_in_{bits}bit"].value for bits in (4, 8))


def _dataset(recipe: Recipe) -> str:
    """Return the data set that a file names first, in any of the formats' keys."""
    names = ("datasets[0].path", "dataset_name", "dataset", "data", "dataset[0]", "dataset.source")
    by_path = {key.path: getattr(key.node, "text", "") for key in recipe.keys}
    return next((by_path[name] for name in names if by_path.get(name)), "")


def _notes(recipe: Recipe, back: Recipe | None, writer: Writer) -> list[Note]:
    """Say what the reader of the target does not find again."""
    found = []
    for field, value in recipe.values.items():
        if value.written and value.value is UNKNOWN:
            message = f"{value.why or 'is not known'}: write it yourself"
            found.append(Note(kind="unknown", field=field, key=value.key, message=message))
        elif _told_of(field, recipe) and differs(field, recipe, back):
            known = back is not None and back[field].value is not UNKNOWN
            if known or value.written:
                kind = "changed" if known and back and back[field].value is not None else "lost"
                message = told(field, recipe, back, writer.title)
                found.append(Note(kind=kind, field=field, key=_key(field, recipe), message=message))
    return [*found, *_strange(recipe, writer)]


def _key(field: str, recipe: Recipe) -> str:
    """Return the key that says a field; of the two for the warm-up the one that is written."""
    ratio = recipe["train.warmup_ratio"]
    return ratio.key if field == "train.warmup_steps" and ratio.value else recipe[field].key


def _told_of(field: str, recipe: Recipe) -> bool:
    """Whether a user wants to hear that a field does not carry over."""
    if field in _SAID_ELSEWHERE:
        return False
    return recipe[field].written or _matters(field, recipe)


def _strange(recipe: Recipe, writer: Writer) -> list[Note]:
    """Name the keys that no field of the vocabulary stands for."""
    fed = {key.path for key in recipe.keys if key.field is not None or key.name in _DATA_KEYS}
    fed |= {value.key for value in recipe.values.values() if value.written}
    inner = tuple(f"{path}." for path in fed)
    names = [
        key.path
        for key in recipe.keys
        if key.field is None
        and key.path not in fed
        and "." not in key.path
        and "[" not in key.path
        and not any(path.startswith(f"{key.path}.") for path in fed)
        and not key.path.startswith(inner)
    ]
    if not names:
        return []
    message = f"not looked at; write into {writer.title} what is needed of them"
    return [Note(kind="left", field="", key=", ".join(dict.fromkeys(names)), message=message)]
