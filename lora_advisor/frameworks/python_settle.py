"""What several calls of a script decide together: the base's weights, the adapter, the method."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import (
    python_collator,
    python_padding,
    python_unsloth,
    trl_commands,
)
from lora_advisor.frameworks.python_flow import (
    argument,
    loads_base,
    may_be_passed_over,
    names_model,
    sources,
)
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import is_unknown, python_value
from lora_advisor.source.tree import Entry, Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.recipe import Value
    from lora_advisor.source.tree import Node

_METHODS: Final = {"SFT": "sft", "DPO": "dpo", "GRPO": "grpo", "KTO": "kto", "Reward": "reward"}
_OF_A_RUN: Final = pattern(
    r"^[./~]|[\\]|/.*/|checkpoint|lora|adapter|(?:^|/)(?:outputs?|results?|saves?d?|runs?)(?:/|$)",
    re.IGNORECASE,
)
"""Names of bases that are folders, as training runs leave them."""
_UNSLOTH_TARGETS: Final = [
    *("q_proj", "k_proj", "v_proj", "o_proj"),
    *("gate_proj", "up_proj", "down_proj"),
]
_UNSLOTH: Final[dict[str, object]] = {
    "lora.r": 16,
    "lora.lora_alpha": 16,
    "lora.target_modules": _UNSLOTH_TARGETS,
    "lora.task_type": "CAUSAL_LM",
}
"""Defaults of ``FastLanguageModel.get_peft_model`` (unsloth.models.llama)."""
QUANTISERS: Final = {
    "GPTQConfig": "gptq",
    "AwqConfig": "awq",
    "HqqConfig": "hqq",
    "QuantoConfig": "quanto",
    "EetqConfig": "eetq",
    "TorchAoConfig": "torchao",
}


def defaults(names: set[str]) -> dict[str, object]:
    """Return the defaults of the classes that a script calls."""
    found: dict[str, object] = {}
    for prefix, method in _METHODS.items():
        if f"{prefix}Config" in names:
            found |= trl_commands.COMMON | trl_commands.DEFAULTS[method]
    return found


def settle(
    draft: Draft, calls: Sequence[Entry], every: Sequence[Entry], choices: Sequence[Entry]
) -> None:
    """Fill in what follows from the calls of one recipe, among every call of the script."""
    names = [call.key.text for call in calls]
    _settle_adapter(draft, calls)
    _settle_base(draft, calls)
    _settle_training(draft, names)
    _settle_tokens(draft, calls, choices)
    shown = _first(calls, "prepare_model_for_kbit_training", "merge_and_unload", "get_peft_model")
    source = _value(draft, shown) if shown is not None else None
    ids = {id(call) for call in calls}
    ordered = [call for call in every if id(call) in ids or loads_base(call)]
    draft.put("run.calls", [_label(call) for call in ordered], source)
    draft.put("run.merges_packed", _merges_packed(every, choices), None)
    trainers = [call for call in calls if call.key.text.endswith("Trainer")]
    if trainers and all(argument(call, "**") is None for call in trainers):
        given = [name for call in trainers for name in _names(call)]
        settings = [
            key.name for key in draft.keys if key.field is None and "Trainer" not in key.path
        ]
        draft.put("run.trainer_arguments", [*given, *settings], None)
    metrics = draft.values.get("train.computes_metrics")
    if metrics is not None:
        draft.put("train.computes_metrics", metrics.value is not None, metrics)


def _merges_packed(calls: Sequence[Entry], choices: Sequence[Entry]) -> object:
    """Whether an adapter is merged into a base that is surely loaded quantised.

    Where the base of the merge cannot be followed, the one base of the script is meant.
    """
    merge = _first(calls, "merge_and_unload")
    if merge is None:
        return False
    bases = [call for call in calls if loads_base(call)]
    followed = [call for call in sources(merge, calls) if loads_base(call)]
    if not followed and len(bases) != 1:
        return UNKNOWN
    packed = [_is_packed(base) for base in followed or bases]
    if UNKNOWN in packed or len(set(packed)) != 1:
        return UNKNOWN
    quantisers = [call for call in calls if call.key.text == "BitsAndBytesConfig"]
    unsure = (may_be_passed_over(call, choices, merge) for call in [*quantisers, *bases])
    return UNKNOWN if packed[0] and any(unsure) else packed[0]


def _is_packed(base: Entry) -> object:
    """Whether a base is loaded in 4 or 8 bits, as far as its call tells."""
    if argument(base, "**") is not None:
        return UNKNOWN
    given = [argument(base, f"load_in_{bits}bit") for bits in (4, 8)]
    given.append(argument(base, "quantization_config"))
    if isinstance(given[-1], Mapping):
        return True
    values = [
        UNKNOWN if not isinstance(node, Scalar) or is_unknown(node) else python_value(node)
        for node in given
        if node is not None
    ]
    if UNKNOWN in values:
        return UNKNOWN
    four_by_default = _is_unsloth(base) and given[0] is None
    return four_by_default or any(values)


def _label(call: Entry) -> str:
    owner = _text(argument(call, "of"))
    return f"{owner}.{call.key.text}" if owner[:1].isupper() else call.key.text


def _names(call: Entry) -> list[str]:
    return call.value.keys() if isinstance(call.value, Mapping) else []


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _first(calls: Sequence[Entry], *names: str) -> Entry | None:
    return next((call for call in calls if call.key.text in names), None)


def _value(draft: Draft, call: Entry) -> Value | None:
    """Return a call as something written, to stand as the source of what follows from it."""
    return draft.written(call.key.text)


def _is_unsloth(call: Entry) -> bool:
    return _text(argument(call, "of")).startswith("Fast")


def _settle_adapter(draft: Draft, calls: Sequence[Entry]) -> None:
    adapter = next((c for c in calls if c.key.text == "LoraConfig" or _makes_unsloth(c)), None)
    loaded = next((c for c in calls if _loads_adapter(c)), None)
    if adapter is not None:
        draft.put("lora.enabled", True, _value(draft, adapter))
        _unsloth_defaults(draft, adapter)
        if is_unknown(adapter.value) and argument(adapter, "**") is not None:
            _forget(draft, "lora")
    elif loaded is None and _has_no_adapter(draft, calls):
        draft.put("lora.enabled", False, None)
        draft.put("lora.peft_type", "LORA", None)
    if loaded is not None:
        draft.put("model.adapter", _text(argument(loaded, "[1]")) or UNKNOWN, None)
        draft.put("model.adapter_trainable", _trainable(loaded), None)
        _place_loading(draft, loaded)


def _loads_adapter(call: Entry) -> bool:
    """Whether a call loads a saved adapter: into a base, or with one."""
    of = _text(argument(call, "of"))
    return call.key.text == "from_pretrained" and of.startswith(("PeftModel", "AutoPeftModel"))


def _place_loading(draft: Draft, loaded: Entry) -> None:
    """Blame a frozen adapter where it is loaded, at the argument that would thaw it."""
    named = f"{_label(loaded)}.is_trainable"
    entry = Entry(key=Scalar(text=named, plain=False, span=loaded.key.span), value=loaded.value)
    value = draft.values["model.adapter_trainable"].value
    draft.put_at("model.adapter_trainable", value, entry)


def _trainable(loaded: Entry) -> object:
    """Return the value of ``is_trainable``, False where it is not given."""
    given = argument(loaded, "is_trainable")
    if given is None:
        return False
    return python_value(given) if isinstance(given, Scalar) and not is_unknown(given) else UNKNOWN


def _makes_unsloth(call: Entry) -> bool:
    return call.key.text == "get_peft_model" and _is_unsloth(call)


def _unsloth_defaults(draft: Draft, adapter: Entry) -> None:
    if _is_unsloth(adapter):
        draft.put("model.unsloth", True, _value(draft, adapter))
        for field, value in _UNSLOTH.items():
            if field not in draft.values:
                draft.put(field, value, None)
        _train_in_full(draft)


def _train_in_full(draft: Draft) -> None:
    """Take embeddings and head out of the targets: unsloth trains them as modules_to_save."""
    targets, saved = draft.get("lora.target_modules"), draft.get("lora.modules_to_save") or []
    if isinstance(targets, list) and isinstance(saved, list):
        whole = [name for name in targets if name in ("lm_head", "embed_tokens")]
        source = draft.values.get("lora.target_modules")
        if whole and source is not None:
            rest = [name for name in targets if name not in whole]
            draft.put("lora.target_modules", rest, source)
            draft.put("lora.modules_to_save", [*saved, *whole], source)


def _has_no_adapter(draft: Draft, calls: Sequence[Entry]) -> bool:
    """Whether a trainer is built and nothing in the file speaks of an adapter.

    What an earlier run left behind may be one, which loads together with its base.
    """
    trains = any(call.key.text.endswith("Trainer") for call in calls)
    name = draft.get("model.name_or_path")
    of_a_run = isinstance(name, str) and _OF_A_RUN.search(name) is not None
    return trains and not of_a_run and "peft" not in draft.document.text.lower()


def _forget(draft: Draft, group: str) -> None:
    """Leave a group's unwritten fields unknown: a ``**mapping`` may hold them."""
    for field in [field for field in _fields(group) if field not in draft.values]:
        draft.unknown(field, "it may be in a mapping that cannot be read")


def _fields(group: str) -> list[str]:
    from lora_advisor.recipe import FIELDS

    return [field for field in FIELDS if field.startswith(f"{group}.")]


def _settle_base(draft: Draft, calls: Sequence[Entry]) -> None:
    loader = next((c for c in calls if loads_base(c)), None)
    if loader is None:
        _named_base(draft, calls)
        return
    draft.put("model.auto_class", _text(argument(loader, "of")), None)
    if _is_unsloth(loader):
        python_unsloth.load_base(draft, loader)
        return
    given = argument(loader, "quantization_config")
    if argument(loader, "**") is not None:
        return
    plain = given is None or (isinstance(given, Scalar) and given.tag is None)  # or None itself
    if plain and "quant.load_in_4bit" not in draft.values:
        _put_bits(draft, four=False, eight=False)
    elif isinstance(given, Mapping):
        _quantised(draft, calls)


def _named_base(draft: Draft, calls: Sequence[Entry]) -> None:
    """Take the base that a trainer is told to load itself."""
    for call in calls:
        if call.key.text.endswith("Trainer") and (named := names_model(call)):
            draft.put_at("model.name_or_path", _text(named.value), named)
            if call.key.text == "RewardTrainer":
                draft.put("model.auto_class", trl_commands.REWARD_CLASS, None)


def _put_bits(draft: Draft, *, four: bool, eight: bool) -> None:
    for field, value in (("quant.load_in_4bit", four), ("quant.load_in_8bit", eight)):
        if field not in draft.values:
            draft.put(field, value, None)
    draft.put("quant.method", "bitsandbytes" if four or eight else None, None)


def _quantised(draft: Draft, calls: Sequence[Entry]) -> None:
    other = _first(calls, *QUANTISERS)
    if other is not None:
        _put_bits(draft, four=False, eight=False)
        draft.put("quant.method", QUANTISERS[other.key.text], _value(draft, other))
    elif (bnb := _first(calls, "BitsAndBytesConfig")) is not None:
        if argument(bnb, "**") is not None:
            return
        draft.put("quant.method", "bitsandbytes", _value(draft, bnb))
        for field, default in _BNB.items():
            if field not in draft.values:
                draft.put(field, default, None)


_BNB: Final[dict[str, object]] = {
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "quant.bnb_4bit_quant_type": "fp4",
    "quant.bnb_4bit_compute_dtype": None,
    "quant.bnb_4bit_use_double_quant": False,
    "quant.bnb_4bit_quant_storage": None,
    "quant.llm_int8_threshold": 6.0,
    "quant.llm_int8_skip_modules": None,
}


def _settle_training(draft: Draft, names: list[str]) -> None:
    method = _method(names, "Config") or _method(names, "Trainer")
    if method:
        draft.put("train.method", method, None)
    else:
        draft.unknown("train.method", "")
    draft.put("train.enabled", _enabled(draft, names), None)
    if any(f"{prefix}Config" in names for prefix in _METHODS) and draft.get("train.bf16") is not (
        UNKNOWN
    ):
        _bf16_default(draft)
    name = draft.values.get("model.name_or_path")
    if name is not None and name.value is None:
        draft.unknown("model.name_or_path", "it is given when the script is run")
    loops = _trains(names) or ".backward(" in draft.document.text
    if draft.get("lora.init_lora_weights") is False and not loops:
        draft.unknown("lora.init_lora_weights", "the script does not train")


def _enabled(draft: Draft, names: list[str]) -> bool:
    """Whether a script trains: one that merges or evaluates only does not."""
    text = draft.document.text
    evaluates = ".evaluate(" in text or ".predict(" in text
    if any(name.endswith("Trainer") for name in names) and evaluates and "train(" not in text:
        return False
    if draft.framework.name == "unsloth" and not (_trains(names) or _prepares(draft, names)):
        return False
    return "merge_and_unload" not in names or _trains(names)


def _prepares(draft: Draft, names: list[str]) -> bool:
    """Whether a script makes an adapter or steps by itself, though another one may train it."""
    makes = not {"get_peft_model", "LoraConfig", "PeftModel"}.isdisjoint(names)
    return makes or ".backward(" in draft.document.text or "train(" in draft.document.text


def _method(names: list[str], suffix: str) -> str:
    return next((m for prefix, m in _METHODS.items() if f"{prefix}{suffix}" in names), "")


def _trains(names: list[str]) -> bool:
    return any(name.endswith(("Trainer", "TrainingArguments")) for name in names)


def _bf16_default(draft: Draft) -> None:
    """Train in bf16 unless fp16 is asked for, as TRL's configs do."""
    fp16 = draft.get("train.fp16")
    if "train.bf16" not in draft.values and isinstance(fp16, bool):
        draft.put("train.bf16", not fp16, None)


def _settle_new_tokens(draft: Draft, calls: Sequence[Entry], choices: Sequence[Entry]) -> None:
    """Tell tokens that are added, or come with another tokenizer than the model's.

    A padding token alone needs no training: it is never an input that counts. Tokens that are
    added in a branch may be none.
    """
    adapter = _first(calls, "LoraConfig", "get_peft_model")
    adding = [call for call in calls if call.key.text in ("add_tokens", "add_special_tokens")]
    if adapter is not None and any(may_be_passed_over(c, choices, adapter) for c in adding):
        return
    resized = _first(calls, "resize_token_embeddings")
    added = _first(calls, "add_tokens")
    special = _first(calls, "add_special_tokens")
    given = argument(special, "special_tokens_dict") if special is not None else None
    only_pad = isinstance(given, Mapping) and given.keys() == ["pad_token"]
    if added is not None or (given is not None and not is_unknown(given) and not only_pad):
        source = next(call for call in (added, special) if call is not None)
        draft.put("data.new_tokens", ["added"], _value(draft, source))
    elif resized is not None and special is None and _other_tokenizer(calls):
        draft.put("data.new_tokens", ["extended"], _value(draft, resized))


def _other_tokenizer(calls: Sequence[Entry]) -> bool:
    """Whether model and tokenizer are loaded from two places that are both known."""
    name = "pretrained_model_name_or_path"
    loads = [call for call in calls if call.key.text == "from_pretrained"]
    models = {_text(argument(call, name)) for call in loads if loads_base(call)}
    others = {_text(argument(c, name)) for c in loads if "Tokenizer" in _text(argument(c, "of"))}
    return len(models) == len(others) == 1 and models != others and "" not in models | others


def _settle_tokens(draft: Draft, calls: Sequence[Entry], choices: Sequence[Entry]) -> None:
    _settle_new_tokens(draft, calls, choices)
    python_collator.settle_collator(draft, calls)
    for call in calls:
        python_padding.settle_padding(draft, call)
        python_padding.settle_end(draft, call)
