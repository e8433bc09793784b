"""Facts of torchtune's sections: what the component that they name does not take.

Source: ``torchtune.datasets`` of release 0.7 and ``bitsandbytes.optim``. A builder of data hands
what it does not know itself to ``load_dataset``, which refuses what belongs to other builders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import item
from lora_advisor.facts._written import texts_at, value_at
from lora_advisor.frameworks import components
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.record import record, replace
from lora_advisor.targets import holds

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, WrittenKey
    from lora_advisor.targets import Targets

_DATA: Final = pattern(r"dataset(?:_val)?(?:\[\d+\])?")
_BUILDER: Final = pattern(r"torchtune\.datasets\.(?:multimodal\.)?(\w+)")
_CHECKPOINTER: Final = pattern(r"torchtune\.\w+\.FullModel(HF|Meta|TorchTune)Checkpointer")
_OF_META: Final = pattern(r"consolidated\.\d+\.pth|meta_model_\w+\.pt")
_OF_HUGGING_FACE: Final = pattern(r"(?:model|pytorch_model)\S*\.(?:safetensors|bin)")
_BITSANDBYTES: Final = "bitsandbytes.optim."
_OF_TORCH: Final = frozenset({"fused", "foreach", "capturable", "maximize", "differentiable"})
_INSTRUCTED: Final = frozenset({"column_map", "new_system_prompt", "train_on_input"})
_SHOWN: Final = frozenset({"column_map", "new_system_prompt", "packed", "image_dir"})
_TAKES: Final = {
    "alpaca_dataset": frozenset({"column_map", "packed", "train_on_input"}),
    "chat_dataset": frozenset(
        {"conversation_column", "conversation_style", "new_system_prompt", "packed"}
        | {"train_on_input"}
    ),
    "cnn_dailymail_articles_dataset": frozenset(),
    "grammar_dataset": _INSTRUCTED | {"packed"},
    "hh_rlhf_helpful_dataset": _INSTRUCTED,
    "instruct_dataset": _INSTRUCTED | {"packed"},
    "llava_instruct_dataset": _SHOWN,
    "multimodal_chat_dataset": _SHOWN | {"image_tag"},
    "preference_dataset": _INSTRUCTED,
    "samsum_dataset": _INSTRUCTED | {"packed"},
    "slimorca_dataset": _INSTRUCTED | {"packed"},
    "stack_exchange_paired_dataset": frozenset({"column_map", "train_on_input"}),
    "text_completion_dataset": frozenset({"add_eos", "column", "packed", "split_across_pack"}),
    "the_cauldron_dataset": _SHOWN - {"image_dir"},
    "vqa_dataset": _SHOWN,
    "wikitext_dataset": frozenset({"packed"}),
}
"""What each builder of data takes of all that some of them take."""
_SOME_TAKE: Final = frozenset[str]().union(*_TAKES.values())


@record
class Component(Item):
    """A component that no release has, or not the one in use.

    ``hint`` is what to write instead, ``release`` the one in use where it is stated, ``since`` and
    ``last`` the releases that have it.
    """

    release: str = ""
    since: str = ""
    last: str = ""


def missing_components(recipe: Recipe, targets: Targets) -> tuple[Component, ...]:
    """Components that the release in use lacks, or any; of a file in old words the first that went.

    Which release is in use is only known where it is stated.
    """
    if recipe.framework != "torchtune":
        return ()
    asked = (_missing(recipe, key, targets) for key in recipe.keys if key.name == "_component_")
    found = [component for component in asked if component is not None]
    gone = [component for component in found if component.since and not component.release]
    return tuple(component for component in found if component not in gone[1:])


def _missing(recipe: Recipe, key: WrittenKey, targets: Targets) -> Component | None:
    try:
        path = value_at(recipe, key.path)
    except UnknownValueError:
        return None
    if not isinstance(path, str) or not components.is_module(path.rpartition(".")[0]):
        return None
    span, target = components.span_of(path), targets.get("torchtune")
    if span is None:
        meant = components.meant(path)
        return _item(key, path, meant) if meant else None
    release = "" if target.source == "current" else target.high
    kept = holds(f">={span.first}", release) if release else True
    kept &= not span.last or bool(release and holds(f"<={span.last}", release))
    return None if kept else _item(key, path, components.now_at(path), release, span)


def _item(
    key: WrittenKey, path: str, meant: str, release: str = "", span: components.Span | None = None
) -> Component:
    since, last = span or ("", "")
    return Component(
        path=key.path,
        at=key.value_at,
        value=path,
        hint="" if meant == path else meant,
        release=release,
        since=since,
        last=last,
    )


def foreign_component_arguments(recipe: Recipe) -> tuple[Item, ...]:
    """Arguments of a section that another component takes; the hint is the one that is named."""
    found = []
    for key in recipe.keys:
        component = _component(recipe, key)
        if component and _is_foreign(key.name, component):
            found.append(item(key, hint=component))
    return tuple(found)


def _component(recipe: Recipe, key: WrittenKey) -> str:
    """Return the component that gets a key, empty where none is named or known."""
    section, _, name = key.path.rpartition(".")
    if name != key.name or not (section == "optimizer" or _DATA.fullmatch(section)):
        return ""
    try:
        named = value_at(recipe, f"{section}._component_")
    except UnknownValueError:
        return ""
    return named if isinstance(named, str) else ""


def _is_foreign(name: str, component: str) -> bool:
    if component.startswith(_BITSANDBYTES):
        return name in _OF_TORCH
    builder = _BUILDER.fullmatch(component)
    if builder is None or builder.group(1) not in _TAKES:
        return False
    return name in _SOME_TAKE - _TAKES[builder.group(1)]


def foreign_checkpoint_files(recipe: Recipe) -> tuple[Item, ...]:
    """Files whose names are those of another checkpointer; the hint is that one.

    Source: ``torchtune.training.checkpointing``. The names inside the file are translated from
    Hugging Face's or from Meta's, and one that is not known stops the run.
    """
    named = _CHECKPOINTER.fullmatch(str(value_at(recipe, "checkpointer._component_")))
    kind = named.group(1) if named else ""
    strange, other = {
        "HF": (_OF_META, "FullModelMetaCheckpointer"),
        "Meta": (_OF_HUGGING_FACE, "FullModelHFCheckpointer"),
    }.get(kind, (None, ""))
    files = texts_at(recipe, "checkpointer.checkpoint_files") if strange else ()
    found = [file for file in files if strange and strange.fullmatch(str(file.value))]
    return tuple(replace(file, hint=other) for file in found[:1])
