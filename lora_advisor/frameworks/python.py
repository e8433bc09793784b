"""Scripts: what calls of peft, transformers, trl and unsloth say, read and never run.

Each adapter of a script becomes a recipe together with the training arguments, the base model and
the quantisation that go with it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import nemo_recipes, python_settle, trl, xtuner
from lora_advisor.frameworks.draft import Draft
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.python_flow import alternatives, loads_base, owner, runs
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN, Lora, Quant
from lora_advisor.record import replace
from lora_advisor.source.python_calls import ASIDE
from lora_advisor.source.scalars import CHOICE, FROZEN, python_value
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Document, Entry, Node

ARGUMENTS: Final = (
    "TrainingArguments",
    "Seq2SeqTrainingArguments",
    "UnslothTrainingArguments",
    *(
        f"{kind}TrainingArguments"
        for kind in ("SentenceTransformer", "SparseEncoder", "CrossEncoder")
    ),
    *(
        f"{method}Config"
        for method in ("SFT", "DPO", "GRPO", "KTO", "Reward", "RLOO", "ORPO", "CPO")
    ),
)
_LOADING: Final = {
    "pretrained_model_name_or_path": "model.name_or_path",
    "model_name": "model.name_or_path",
    "dtype": "model.dtype",
    "torch_dtype": "model.dtype",
    "device_map": "model.device_map",
    "attn_implementation": "model.attn_implementation",
    "trust_remote_code": "model.trust_remote_code",
    "use_cache": "model.use_cache",
    "num_labels": "model.num_labels",
    "max_seq_length": "data.max_length",
    "load_in_4bit": "quant.load_in_4bit",
    "load_in_8bit": "quant.load_in_8bit",
}
_UNSLOTH: Final = {
    "use_gradient_checkpointing": Key(
        field="train.gradient_checkpointing", read=lambda value: value in (True, "unsloth", "True")
    )
}
_LOOP: Final = {
    "AdamW.lr": "train.learning_rate",
    "AdamW.weight_decay": "train.weight_decay",
    "Accelerator.gradient_accumulation_steps": "train.gradient_accumulation_steps",
    "Accelerator.mixed_precision": "run.mixed_precision",
}
"""What the calls of a training loop of one's own say, in a script without training arguments."""
_OF_LOOP: Final = ("AdamW", "Accelerator")
_ASIDE: Final = ASIDE | {CHOICE, FROZEN}
_QUANTISERS: Final = frozenset({"BitsAndBytesConfig", *python_settle.QUANTISERS})
_UNSLOTH_USE: Final = pattern(
    r"^\s*(?:from|import) unsloth\b|use_gradient_checkpointing\s*=\s*[\"']unsloth", re.MULTILINE
)
_PEFT: Final = pattern(r"(?:Auto)?PeftModel")
_DENOISER: Final = pattern(r"Transformer[23]DModel|UNet\w*Model")
"""Models of diffusers that images are trained on; text encoders stand beside them as they are."""
_TRAINERS: Final = tuple(
    f"{kind}Trainer" for kind in ("SFT", "DPO", "GRPO", "KTO", "Reward", "ORPO")
)
_CHANGED_BY_UNSLOTH: Final = (
    *("train.learning_rate", "train.weight_decay", "train.per_device_train_batch_size"),
    *("train.per_device_eval_batch_size", "train.gradient_accumulation_steps", "train.optim"),
    *("train.warmup_steps", "train.seed", "train.logging_steps", "train.report_to", "train.bf16"),
    *("train.beta", "train.loss_type", "train.num_generations"),
)
_TRAINER: Final[dict[str, str | Key]] = {
    "max_seq_length": Key(
        field="data.max_length",
        read=lambda length: UNKNOWN if length is None else length,
        why="the TRL that takes it here chose a length itself",
    ),
    "packing": "data.packing",
}


def _reads(name: str) -> bool:
    """Whether TRL's key is read in a way that holds for Python's values, too."""
    return name == "train_sampling_strategy" or name.startswith("deepspeed.")


def _reference(value: object) -> object:
    """Name a reference model: by its checkpoint where the call that loads it is known."""
    if isinstance(value, dict):
        return value.get("pretrained_model_name_or_path") or value.get("model_name") or "a model"
    return value


def _keys() -> dict[str, str | Key]:
    found: dict[str, str | Key] = {}
    for name in Lora.__annotations__:
        found[f"LoraConfig.{name}"] = found[f"get_peft_model.{name}"] = f"lora.{name}"
    for name in Quant.__annotations__:
        found[f"BitsAndBytesConfig.{name}"] = f"quant.{name}"
    for name, target in trl.FRAMEWORKS[0].keys.items():
        field = target.field if isinstance(target, Key) else target
        if field.partition(".")[0] in ("train", "data", "run") or "model_init_kwargs" in name:
            plain = target if field == "run.fsdp" or _reads(name) else field
            found |= {f"{arguments}.{name}": plain for arguments in ARGUMENTS}
    found |= {f"from_pretrained.{name}": field for name, field in _LOADING.items()}
    found |= {f"get_peft_model.{name}": field for name, field in _UNSLOTH.items()}
    found |= _LOOP
    found |= {f"{kind}.{name}": field for kind in _TRAINERS for name, field in _TRAINER.items()}
    reference = Key(field="train.ref_model", read=_reference)
    found |= {f"{kind}.ref_model": reference for kind in _TRAINERS}
    found |= {"load_dataset.streaming": "data.streaming"}
    found |= {"get_chat_template.chat_template": "data.template"}
    for kind in (*_TRAINERS, "Trainer", "Seq2SeqTrainer"):
        found[f"{kind}.compute_metrics"] = "train.computes_metrics"
    return found


_KEYS: Final = _keys()


def read(document: Document) -> list[Recipe]:
    """Read a script's recipes; none when it configures no training and no adapter."""
    configured = xtuner.read(document) or nemo_recipes.read(document)
    if configured is not None:
        return [configured]
    root = document.root
    entries = root.entries if isinstance(root, Mapping) else ()
    calls = _without_encoders([entry for entry in entries if entry.key.text not in _ASIDE])
    choices = [entry for entry in entries if entry.key.text == CHOICE]
    kind = _kind(calls, document.text)
    if root is None or not kind:
        return []
    framework = next(framework for framework in FRAMEWORKS if framework.name == kind)
    evidence = f"calls {', '.join(dict.fromkeys(_shown(calls)))}"
    return [
        Draft(
            _fitted(framework, part, calls, choices), document, _tree(part, root), evidence
        ).recipe()
        for part in (_sure(part, calls, choices) for part in _parts(calls))
    ]


def _without_encoders(calls: list[Entry]) -> list[Entry]:
    """Leave out the loading of other models where that of a denoiser is there."""
    denoisers = [call for call in calls if loads_base(call) and _DENOISER.search(owner(call))]
    if not denoisers:
        return calls
    return [call for call in calls if call in denoisers or not loads_base(call)]


def _shown(calls: Sequence[Entry]) -> list[str]:
    told = (*ARGUMENTS, "LoraConfig", "get_peft_model", "BitsAndBytesConfig", "PeftModel")
    shown = [call.key.text for call in calls if call.key.text in told]
    return shown[:3] or [call.key.text for call in calls][:1]


def _kind(calls: Sequence[Entry], text: str) -> str:
    """Return the name of the format: unsloth, trl-python, peft-python or transformers-python."""
    names = {call.key.text for call in calls}
    trains = names & {*ARGUMENTS, *_TRAINERS}
    if any(owner(call).startswith("Fast") for call in calls) or (
        trains and _UNSLOTH_USE.search(text)
    ):
        return "unsloth"
    if names & {*ARGUMENTS[3:], *_TRAINERS, "DataCollatorForCompletionOnlyLM"}:
        return "trl-python"
    if names & {"LoraConfig", "get_peft_model"} or any(_PEFT.match(owner(call)) for call in calls):
        return "peft-python"
    return "transformers-python" if names & {*ARGUMENTS, *_QUANTISERS} else ""


def _sure(part: list[Entry], calls: Sequence[Entry], choices: Sequence[Entry]) -> list[Entry]:
    """Leave out a base model that is loaded otherwise in another branch, and its quantiser."""
    base = next((call for call in part if loads_base(call)), None)
    others = alternatives(base, calls, choices) if base is not None else []
    if any(loads_base(other) for other in others):
        loads = [base, *others]
        return [call for call in part if call not in loads and call.key.text not in _QUANTISERS]
    given = (
        base.value.get("quantization_config")
        if base is not None and (isinstance(base.value, Mapping))
        else None
    )
    if isinstance(given, Scalar) and given.tag is None:  # None: it is not quantised
        return [call for call in part if call.key.text not in _QUANTISERS]
    return part


def _parts(calls: Sequence[Entry]) -> list[list[Entry]]:
    """Split the calls by adapter: each with the arguments and the model that go with it."""
    flowing = runs(calls, (is_adapter, _is_arguments), loads_base)
    if flowing is not None:
        return flowing
    adapters = [call for call in calls if is_adapter(call)]
    arguments = [call for call in calls if _is_arguments(call)]
    if len(adapters) <= 1 and len(arguments) <= 1:
        return [list(calls)]
    several = adapters if len(adapters) > 1 else arguments
    other = arguments if several is adapters else adapters
    matched = len(other) == len(several)
    return [
        [call for call in calls if _belongs(call, one, several, other, matched=matched)]
        for one in several
    ]


def _belongs(
    call: Entry, one: Entry, several: list[Entry], other: list[Entry], *, matched: bool
) -> bool:
    if call in several:
        return call is one
    if call in other and matched:
        return other.index(call) == several.index(one)
    return call not in other or len(other) == 1


def _is_arguments(call: Entry) -> bool:
    return call.key.text in ARGUMENTS


def is_adapter(call: Entry) -> bool:
    """Whether a call describes a LoRA adapter: ``LoraConfig`` or unsloth's ``get_peft_model``."""
    return call.key.text == "LoraConfig" or (
        call.key.text == "get_peft_model" and owner(call).startswith("Fast")
    )


def _tree(calls: Sequence[Entry], root: Node) -> Mapping:
    """Return the calls as the tree of one recipe; where one stands twice, the first counts."""
    kept: dict[str, Entry] = {}
    for call in calls:
        name = "from_pretrained" if call.key.text == "for_inference" else call.key.text
        loads_model = name != "from_pretrained" or loads_base(call)
        if loads_model and (name != "BitsAndBytesConfig" or name not in kept):
            kept.setdefault(f"{name}{call.value.span.start if name == 'set' else ''}", call)
    return Mapping(entries=tuple(kept.values()), span=root.span)


def _fitted(
    framework: Framework,
    calls: Sequence[Entry],
    every: Sequence[Entry],
    choices: Sequence[Entry],
) -> Framework:
    """Let the calls that are there decide which defaults are known."""
    names = {call.key.text for call in calls}
    knows = {"lora"} if any(is_adapter(call) for call in calls) else set[str]()
    told = [call for call in calls if _is_arguments(call)]
    whole = bool(told) and not any(_spreads(call) for call in told)
    knows |= {"train"} if whole else set[str]()
    others = set(ARGUMENTS) - names if names & set(ARGUMENTS) else set[str]()
    others |= {name for name in _OF_LOOP if others or _several(every, name)}
    return replace(
        framework,
        keys=_keys_without(frozenset(others)),
        knows=frozenset(knows),
        defaults={**framework.defaults, **_defaults(framework, names, whole=whole)},
        finish=lambda draft: python_settle.settle(draft, calls, every, choices),
    )


def _several(calls: Sequence[Entry], name: str) -> bool:
    return sum(call.key.text == name for call in calls) > 1


@cache
def _keys_without(calls: frozenset[str]) -> dict[str, str | Key]:
    """Return the arguments of all calls but some."""
    return {path: key for path, key in _KEYS.items() if path.partition(".")[0] not in calls}


def _spreads(call: Entry) -> bool:
    """Whether a call takes arguments out of a mapping that cannot be read."""
    return isinstance(call.value, Mapping) and "**" in call.value


def _defaults(framework: Framework, names: set[str], *, whole: bool) -> dict[str, object]:
    """Return the defaults of the classes called; none where a mapping may say otherwise."""
    found = python_settle.defaults(names)
    if framework.name == "unsloth":  # which sets other defaults in TRL's classes, by release
        found |= dict.fromkeys(_CHANGED_BY_UNSLOTH, UNKNOWN)
    return found if whole else dict.fromkeys(found, UNKNOWN)


def _framework(name: str, title: str, rank: int) -> Framework:
    return Framework(
        name=name,
        title=title,
        rank=rank,
        recognise=lambda _root, _document: "",
        keys=_KEYS,
        scalars=python_value,
        extra=frozenset({"of", "**"}),
    )


FRAMEWORKS: Final = (
    _framework("unsloth", "unsloth script", 261),
    _framework("trl-python", "TRL script", 262),
    _framework("peft-python", "PEFT script", 263),
    _framework("transformers-python", "transformers script", 264),
)
