"""The fields of a config that a probe can vary, and the values it tries for each."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import transformers
from transformers import GenerationConfig, PreTrainedConfig

from shapes.tree import source_names

BENIGN = frozenset(
    """architectures torch_dtype dtype transformers_version quantization_config auto_map
    _name_or_path name_or_path _commit_hash label2id id2label model_type problem_type
    output_hidden_states output_attentions return_dict torchscript use_bfloat16
    task_specific_params attn_implementation _attn_implementation experts_implementation
    use_cache chunk_size_feed_forward rope_scaling rope_parameters rope_theta
    bos_token_id eos_token_id decoder_start_token_id forced_bos_token_id forced_eos_token_id
    sep_token_id cls_token_id begin_suppress_tokens suppress_tokens forced_decoder_ids
    cache_implementation init_config""".split()  # noqa: SIM905
) | frozenset(GenerationConfig._get_default_generation_params())  # noqa: SLF001
"""Fields that make no modules; a config drops those of generation before anything reads them."""
ACTIVATIONS = (
    "silu",
    "gelu",
    "relu",
    "gelu_new",
    "gelu_pytorch_tanh",
    "quick_gelu",
    "relu2",
    "gelu_fast",
    "swish",
)
ACTIVATION = re.compile(r"(^|_)(act|activation|activation_function|hidden_act)(_|$)")
LAYERS = re.compile(r"(num_(hidden_)?layers|n_layers?|(?<!shared_)layers|depth|num_hidden_blocks)$")
SHARING = re.compile(r"shared_layers$")
"""How many of the layers share what others have."""
LITERAL = re.compile(r"Literal\[(.*?)\]")
POPPED = re.compile(r"kwargs\.(?:pop|get)\(\s*[\"'](\w+)[\"']")
INDICES = re.compile(r"layers|_idxs?$|indices|indexes")
SOME_LAYERS: tuple[list[int], ...] = ([], [0], [1], [0, 2], [1, 2, 3])
SIZES = re.compile(r"(_size|_dim|_heads|_rank|_embd|d_model|d_ff|d_kv)$")
NUM_LABELS = "num_labels"


@dataclasses.dataclass(slots=True, kw_only=True)
class Section:
    """A config or nested config: its class, its path, the declared fields with their defaults."""

    path: str
    config_class: Any
    defaults: dict[str, Any]
    nullable: set[str]
    alias: dict[str, str]
    popped: set[str]
    types: dict[str, str]


def sections(model_type: str, raw: dict[str, Any]) -> list[Section]:
    """Return the section of a config and those nested in it, as the library sees them."""
    config = transformers.AutoConfig.for_model(model_type, **raw)
    return list(_sections(config, ""))


def _sections(config: PreTrainedConfig, path: str) -> Any:
    kind = type(config)
    found = {f.name: f for f in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else {}
    nested = {k: v for k, v in vars(config).items() if isinstance(v, PreTrainedConfig)}
    yield Section(
        path=path,
        config_class=kind,
        defaults={
            name: _default(field)
            for name, field in found.items()
            if name not in nested and name not in kind.attribute_map
        },
        nullable={n for n, f in found.items() if "None" in str(f.type)},
        alias=dict(kind.attribute_map.items()),
        types={n: str(f.type) for n, f in found.items()},
        popped=set(POPPED.findall(source_names(kind))),
    )
    for name, child in nested.items():
        yield from _sections(child, f"{path}{name}.")


def _default(field: dataclasses.Field[Any]) -> Any:
    """Return a field's default as JSON has it."""
    found = field.default
    if found is dataclasses.MISSING:
        make = field.default_factory
        found = None if make is dataclasses.MISSING else make()
    return list(found) if isinstance(found, tuple) else found


def flat(raw: dict[str, Any], parts: list[Section]) -> dict[str, Any]:
    """Write a nested config as ``path: value``, defaults filled in, second names resolved."""
    out: dict[str, Any] = {}
    paths = {s.path for s in parts}
    for part in parts:
        here: Any = raw
        for name in part.path.split(".")[:-1]:
            here = (here or {}).get(name)
        here = here or {}
        values = dict(part.defaults)
        for key, value in here.items():
            if f"{part.path}{key}." in paths:
                continue
            values[part.alias.get(key, key)] = value
        if isinstance(here.get("id2label"), dict):
            values[NUM_LABELS] = len(here["id2label"])
        out.update({part.path + key: value for key, value in values.items() if key not in BENIGN})
    out.setdefault(NUM_LABELS, 2)
    return out


def nested(values: dict[str, Any], parts: list[Section], kinds: dict[str, str]) -> dict[str, Any]:
    """Write ``path: value`` as the nested config again, defaults and absent extras left out."""
    raw: dict[str, Any] = {}
    by_path = {part.path: part for part in parts}
    for path in sorted(by_path, key=len):
        here = raw
        for name in path.split(".")[:-1]:
            here = here.setdefault(name, {})
        if path and path in kinds:
            here["model_type"] = kinds[path]
    for full, value in values.items():
        head, _, name = full.rpartition(".")
        path = f"{head}." if head else ""
        part = by_path[path]
        if name in part.defaults:
            if value == part.defaults[name] and type(value) is type(part.defaults[name]):
                continue
        elif value is None or (name == NUM_LABELS and value == 2):
            continue
        here = raw
        for step in path.split(".")[:-1]:
            here = here[step]
        here[name] = value
    return raw


def pool(path: str, value: Any, part: Section) -> list[Any]:
    """Return other values worth trying for a field."""
    name = path.rpartition(".")[2]
    if isinstance(value, bool):
        found: list[Any] = [not value]
    elif isinstance(value, int):
        found = integers(name, value)
    elif isinstance(value, str):
        found = list(ACTIVATIONS) if ACTIVATION.search(name) else words(part.types.get(name, ""))
    elif isinstance(value, float):
        found = [value * 2, value / 2, 0.0, 1.0]
    elif value is None:
        found = absent(part.types.get(name, ""))
    elif isinstance(value, list) and all(type(v) is int for v in value) and INDICES.search(name):
        found = [list(v) for v in SOME_LAYERS]
    elif isinstance(value, list) and repeated(value):
        found = [[[kinds[::-1], times] for kinds, times in value]]
    else:
        found = []
    if name in part.nullable and value is not None:
        found.append(None)
    if SIZES.search(name):
        found = [item for item in found if type(item) is not int or item]
    return [item for item in found if item != value or type(item) is not type(value)]


def repeated(item: Any) -> int | None:
    """Return how many layers ``[[["global", "local"], 12]]`` is for; None for another value."""
    try:
        return sum(len(kinds) * times for kinds, times in item) or None
    except (TypeError, ValueError):
        return None


def repeating(item: Any, count: int) -> list[Any]:
    """Return a pattern of the same kinds for another number of layers."""
    kinds = item[0][0]
    return [[kinds, count // len(kinds)] if count % len(kinds) == 0 else [kinds[:1], count]]


def words(annotation: str) -> list[Any]:
    """Return the words that a field's declaration allows, one nobody uses where it names none."""
    literal = LITERAL.search(annotation)
    return re.findall(r"[\"'](\w+)[\"']", literal[1]) if literal else ["unheard-of"]


def absent(annotation: str) -> list[Any]:
    """Return values to try for a field that is not set, by its declared type where it has one."""
    numbers: list[Any] = [2, 3, 48, 96, 6, 1]
    if "list[int]" in annotation:
        return [list(v) for v in SOME_LAYERS]
    if "int" in annotation and "list" not in annotation:
        return numbers
    if "bool" in annotation:
        return [True, False]
    if "float" in annotation:
        return [0.5, 30.0]
    if "str" in annotation and "list" not in annotation and "dict" not in annotation:
        return ["unheard-of"]
    return [] if annotation else [*numbers, True, False, 0.5, "unheard-of"]


def integers(name: str, value: int) -> list[int]:
    """Return numbers to try: multiples, fractions and neighbours, few for counts of layers."""
    if LAYERS.search(name):
        return [1, 2, 3, 4, 5, 6, 7, 10, 17]
    if SHARING.search(name):
        return [0, 1, 2, 3]
    if value <= 16:
        return sorted({0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, value * 2, value * 3})
    near = {value * 2, value * 3, value * 5, value + 2, value + 3, value + 16, value + 64, 1}
    parts = {value // n for n in (2, 4, 7, 8, 12, 16, 32) if value % n == 0}
    return sorted(near | parts | {value * 4})
