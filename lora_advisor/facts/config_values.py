"""Facts of values that are written twice, exclude each other or have a wrong type."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from lora_advisor.facts import _project
from lora_advisor.frameworks import by_name
from lora_advisor.pattern import pattern
from lora_advisor.recipe import FIELDS, UNKNOWN, Item
from lora_advisor.record import record
from lora_advisor.source.scalars import is_placeholder, plain_value, yaml11, yaml12
from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Location, Recipe, Value, WrittenKey
    from lora_advisor.source.tree import Node

_LINE_END: Final = pattern(r"(?<![\\^`])\r?\n|;|&&")
"""An end of a command, not of a line that the next one goes on with."""
_EXCLUSIVE: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "axolotl": (
        ("warmup_ratio", "warmup_steps"),
        ("saves_per_epoch", "save_steps"),
        ("evals_per_epoch", "eval_steps"),
        ("loraplus_lr_ratio", "lr_groups"),
        ("noisy_embedding_alpha", "neftune_noise_alpha"),
        ("val_set_size", "test_datasets"),
        ("gpu_memory_limit", "max_memory"),
        ("load_in_4bit", "model_quantization_config"),
        ("load_in_8bit", "model_quantization_config"),
        ("trust_remote_code", "lora_mlp_kernel"),
        ("trust_remote_code", "lora_qkv_kernel"),
        ("trust_remote_code", "lora_o_kernel"),
        ("liger_cross_entropy", "cut_cross_entropy"),
        ("liger_fused_linear_cross_entropy", "cut_cross_entropy"),
        ("chunked_cross_entropy", "cut_cross_entropy"),
        ("chunked_cross_entropy", "liger_cross_entropy"),
        ("chunked_cross_entropy", "liger_fused_linear_cross_entropy"),
        ("liger_cross_entropy", "liger_fused_linear_cross_entropy"),
        ("include_tokens_per_second", "pretraining_dataset"),
        ("special_tokens", "tokenizer_use_mistral_common"),
        ("chat_template", "tokenizer_use_mistral_common"),
    ),
    "llamafactory": (
        ("val_size", "eval_dataset"),
        ("max_samples", "streaming"),
        ("mask_history", "train_on_prompt"),
        ("compute_accuracy", "predict_with_generate"),
        ("fp8", "quantization_bit"),
        ("use_apollo", "use_galore"),
        ("use_badam", "use_galore"),
        ("use_badam", "use_apollo"),
    ),
}
"""Keys of which the loader takes only one, the one to drop first.

Source: ``axolotl.utils.schemas.validation``, ``llamafactory.hparams.data_args``.
"""
_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "list": "a list",
    "dict": "a mapping",
}
_TAKES_TEXT: Final = frozenset({"train.label_names"})
"""Lists for which a text does not stop the run: the trainer looks for its letters in the batch."""
_SWITCH_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off"})


@record
class OddValue(Item):
    """A value of another type than its field has: ``wanted`` and ``given`` in words.

    ``number`` is the number that the text spells, ``quoted`` says that quotes make it text,
    ``switch`` that a word for true or false is text in a field for one.
    """

    wanted: str
    given: str = "text"
    number: str = ""
    quoted: bool = False
    switch: bool = False


@record
class Repeated(Item):
    """A key that stands twice in one mapping, or a flag in one command; ``first`` is lost."""

    first: str
    line: int
    same: bool


@record
class Pair(Item):
    """A key that its loader refuses beside ``other``."""

    other: str


def mistyped(recipe: Recipe) -> tuple[OddValue, ...]:
    """Written values of another type than the library's field has; 0 and 1 do for a switch.

    Words in brackets in the place of a text are to be filled in (``[add the path here]``).
    """
    return tuple(
        _odd(recipe, field, value, value.value_at or value.key_at)
        for field, value in recipe.values.items()
        if value.key_at is not None and not value.fits and value.value is not UNKNOWN
        if not (FIELDS[field].startswith("bool") and value.value in (0, 1))
        if field not in _TAKES_TEXT and not _asks_for_text(FIELDS[field], value.value)
    )


def _asks_for_text(annotation: str, value: object) -> bool:
    one = value[0] if isinstance(value, list) and len(value) == 1 else None
    return annotation.startswith("str") and isinstance(one, str) and " " in one.strip()


def numbers_as_text(recipe: Recipe) -> tuple[OddValue, ...]:
    """Plain numbers with an exponent that PyYAML reads as text, where nothing turns them back."""
    return tuple(_numbers_as_text(recipe))


def duplicate_keys(recipe: Recipe) -> tuple[Repeated, ...]:
    """Keys that are written twice in one mapping; the last one counts."""
    paths = Counter(key.path for key in recipe.keys)
    if len(paths) == len(recipe.keys) or recipe.document.format not in ("yaml", "json"):
        return ()
    spans = {(key.key_at.span.start, key.path) for key in recipe.keys}
    aliased = Counter(start for start, _ in spans)
    seen: dict[str, WrittenKey] = {}
    found = []
    for key in recipe.keys:
        if paths[key.path] > 1 and aliased[key.key_at.span.start] == 1:
            first = seen.setdefault(key.path, key)
            if first.key_at.span != key.key_at.span:
                found.append(_repeated(first, key))
    return tuple(found)


def repeated_flags(recipe: Recipe) -> tuple[Repeated, ...]:
    """Flags of one value that the same lines of a command give another one.

    One out of an array or a variable is meant to be overridden, and so is ``key=value``.
    """
    if recipe.document.format != "shell":
        return ()
    found, text = [], recipe.document.text
    first: dict[str, WrittenKey] = {}
    for key in recipe.keys:
        if key.field is None or not _is_plain_flag(key, text):
            continue
        other = first.setdefault(key.path, key)
        between = text[other.key_at.span.end : key.key_at.span.start]
        if between and not _LINE_END.search(between):
            found.append(_repeated(other, key))
    return tuple(repeated for repeated in found if not repeated.same)


def _is_plain_flag(key: WrittenKey, text: str) -> bool:
    start = key.key_at.span.start
    plain = isinstance(key.node, Scalar) and key.node.tag is None
    return plain and text[start - 2 : start] == "--"


def exclusive_pairs(recipe: Recipe) -> tuple[Pair, ...]:
    """Keys that are both set, of which the loader takes only one; each key to drop once."""
    pairs = _EXCLUSIVE.get(recipe.framework, ())
    named = {path for pair in pairs for path in pair}
    keys = {key.path: key for key in recipe.keys if key.path in named and _is_set(recipe, key)}
    both = {left: right for left, right in reversed(pairs) if left in keys and right in keys}
    return tuple(
        Pair(path=left, at=keys[left].key_at, value=_text(keys[left]), other=right)
        for left, right in both.items()
    )


def _odd(recipe: Recipe, field: str, value: Value, at: Location) -> OddValue:
    node = next((key.node for key in reversed(recipe.keys) if key.path == value.key), None)
    text = node.text if isinstance(node, Scalar) else ""
    return OddValue(
        path=value.key,
        at=at,
        value=value.value,
        wanted=_wanted(FIELDS[field]),
        given=_WORDS.get(type(value.value).__name__, "something else"),
        number=text if _is_number(text) else "",
        quoted=isinstance(node, Scalar) and not node.plain,
        switch=FIELDS[field].startswith("bool") and text.lower() in _SWITCH_WORDS,
    )


def _wanted(annotation: str) -> str:
    kinds = [part.partition("[")[0] for part in annotation.split(" | ")]
    return " or ".join(dict.fromkeys(_WORDS[kind] for kind in kinds if kind in _WORDS))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers_as_text(recipe: Recipe) -> Iterator[OddValue]:
    framework = by_name(recipe.framework)
    if framework is None or framework.scalars is not yaml11 or recipe.document.format != "yaml":
        return
    left = [k for k in recipe.keys if _is_text_number(k.node) and _is_left(recipe, k)]
    own = recipe.framework == "generic"
    if not (left and own and _project.converts_numbers(recipe.document)):
        for key in left:
            text = _text(key) or ""
            yield OddValue(
                path=key.path,
                at=key.value_at,
                value=text,
                wanted=_WORDS["float"],
                number=_dotted(text),
            )


def _is_text_number(node: Node) -> bool:
    """Whether PyYAML reads text where a reader of YAML 1.2 finds a number with an exponent."""
    if not isinstance(node, Scalar):
        return False
    return isinstance(yaml11(node), str) and isinstance(yaml12(node), float)


def _is_left(recipe: Recipe, key: WrittenKey) -> bool:
    """Whether the text stays text: in a dict handed on, or where the field did not get a number."""
    if key.path.startswith("lr_scheduler_kwargs."):
        return True
    if key.name == "value":  # a record that W&B wrote of a run
        return False
    value = recipe.values[key.field] if key.field is not None else None
    return value is not None and value.key == key.path and value.written and not value.fits


def _dotted(text: str) -> str:
    """Spell ``2e-4`` as ``2.0e-4``, which every YAML reader takes for a number."""
    mantissa, _, power = text.lower().partition("e")
    mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{mantissa}e{power if power[:1] in '+-' else '+' + power}"


def _repeated(first: WrittenKey, key: WrittenKey) -> Repeated:
    one, two = plain_value(first.node, yaml12), plain_value(key.node, yaml12)
    return Repeated(
        path=key.path,
        at=key.key_at,
        value=_text(key),
        first=_text(first) or "another value",
        line=first.key_at.document.place(first.key_at.span).line,
        same=bool(one == two),
    )


def _text(key: WrittenKey) -> str | None:
    return key.node.text if isinstance(key.node, Scalar) else None


def _is_set(recipe: Recipe, key: WrittenKey) -> bool:
    """Whether a value is known and neither null, false, zero nor empty."""
    framework = by_name(recipe.framework)
    if framework is None or (isinstance(key.node, Scalar) and is_placeholder(key.node.text)):
        return False
    return bool(plain_value(key.node, framework.scalars))
