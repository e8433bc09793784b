"""Facts of what is trained beside the adapters: saved modules, new heads, tied embeddings.

Source: ``peft.utils.other``, release 0.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import base_model, config_value, table_of
from lora_advisor.facts._listed import entries
from lora_advisor.facts.run_script import model_class
from lora_advisor.models.matching import ALL_LINEAR
from lora_advisor.models.saved import HEADS
from lora_advisor.models.tasks import new_head
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.record import replace

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.models.table import ModuleTable
    from lora_advisor.recipe import Lora, Recipe, Run
    from lora_advisor.targets import Targets

_TARGETS: Final = "lora.target_modules"
_SAVED: Final = "lora.modules_to_save"
_TASK_OF: Final = {
    "SequenceClassification": "SEQ_CLS",
    "TokenClassification": "TOKEN_CLS",
    "QuestionAnswering": "QUESTION_ANS",
}
_TASKS: Final = pattern(
    r"(?:Sequence|Token|Image|Audio)Classification|QuestionAnswering|Segmentation"
)


def dead_saved(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries of ``modules_to_save`` that no module's name ends with; the hint is a real name.

    What PEFT adds for the task stands in every adapter of it, whatever the model's head is called.
    """
    table = table_of(recipe, modules, targets)
    if not table.complete or not isinstance(lora.modules_to_save, list):
        return ()
    every = [module.name for module in table.modules] + list(table.shared_modules)
    added = HEADS.get(lora.task_type or "", ())

    def dead(name: str) -> bool:
        return name not in added and not any(module.endswith(name) for module in every)

    found = entries(recipe, _SAVED, dead)
    return tuple(replace(item, hint=_counterpart(str(item.value), table)) for item in found)


def overmatched_saved(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Entries of ``modules_to_save`` that also end another name; the hint is that module."""
    table = table_of(recipe, modules, targets)

    def other(name: str) -> str | None:
        ends = (m.name for m in table.modules if m.name.endswith(name))
        return next((m for m in ends if m != name and not m.endswith(f".{name}")), None)

    found = entries(recipe, _SAVED, lambda name: other(name) is not None)
    return tuple(replace(item, hint=other(str(item.value)) or "") for item in found)


def head_name(recipe: Recipe, modules: Lookup, targets: Targets) -> str | None:
    """Return the name of a new head that the base model is loaded with, None for no such head.

    A class or a task has to ask for it, and the model must not be published with it.
    """
    table = table_of(recipe, modules, targets)
    kind = _TASKS.search(table.auto_class)
    asked = isinstance(recipe["model.auto_class"].value, str)
    if kind is None or not (asked or recipe["lora.task_type"].value in HEADS):
        return None
    published = base_model(recipe, modules).architecture
    trained = published.endswith(kind[0]) and not recipe["model.num_labels"].written
    return None if trained or published.endswith("Segmentation") else new_head(table)


def head_task(recipe: Recipe, modules: Lookup, targets: Targets) -> str:
    """Return the task type with which PEFT itself saves the new head, empty if none does."""
    head = head_name(recipe, modules, targets)
    kind = _TASKS.search(table_of(recipe, modules, targets).auto_class)
    task = _TASK_OF.get(kind[0], "") if head and kind else ""
    return task if head and head.endswith(HEADS.get(task, ())) else ""


def frozen_head_part(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> str:
    """Return the part of a classifier's new head that PEFT does not add itself, empty if none.

    DeBERTa is published without its pooler; PEFT adds only what ends in classifier or score.
    """
    table = table_of(recipe, modules, targets)
    new = head_name(recipe, modules, targets) and table.model_type in ("deberta", "deberta-v2")
    if not new or lora.task_type != "SEQ_CLS" or "pooler" not in table.by_name:
        return ""
    targeted = lora.target_modules if isinstance(lora.target_modules, list) else []
    named = [*(lora.modules_to_save or []), *targeted]
    return "" if any("pooler" in name for name in named) else "pooler"


def head_saved(recipe: Recipe, lora: Lora, modules: Lookup, targets: Targets) -> bool:
    """Whether the new head is trained: PEFT adds it for a task, or the config names it."""
    head = head_name(recipe, modules, targets)
    if head is None:
        return True
    named = lora.target_modules if isinstance(lora.target_modules, list) else []
    saved = (*HEADS.get(lora.task_type or "", ()), *(lora.modules_to_save or ()))
    inside = any(head in name.split(".") for name in (*named, *saved))
    return inside or any(head.endswith(name) for name in saved)


def heads_under_adapter(recipe: Recipe, lora: Lora, run: Run, targets: Targets) -> tuple[Item, ...]:
    """Targets that are the head which PEFT saves for the task, and refuses to save adapted.

    Since 0.16 a sequence classifier's head is no target any more; where it was the only one, none
    is left. A head that ``modules_to_save`` names, too, is no target in any release.
    """
    own = HEADS.get(lora.task_type or "", ())
    names = lora.target_modules
    heads = set(own) - set(lora.modules_to_save or ())
    if isinstance(names, str):
        return _all_linear_head(recipe, lora, run) if names == ALL_LINEAR else ()
    others = [name for name in names or () if name.rpartition(".")[2] not in heads]
    dropped = lora.task_type == "SEQ_CLS" and not targets.surely_hold({"peft": "<0.16"})
    if dropped and others:
        return ()
    return entries(recipe, _TARGETS, lambda name: name.rpartition(".")[2] in heads)


def _all_linear_head(recipe: Recipe, lora: Lora, run: Run) -> tuple[Item, ...]:
    """Return ``all-linear`` where it means the head of a tagger or of a model that quotes."""
    loads = _TASKS.search(model_class(run, recipe))
    task = _TASK_OF.get(loads[0], "") if loads else ""
    written = recipe[_TARGETS]
    at = written.value_at or written.key_at
    spared = lora.exclude_modules or lora.modules_to_save
    if task not in ("TOKEN_CLS", "QUESTION_ANS") or task != lora.task_type or spared or at is None:
        return ()
    return (Item(path=written.key, at=at, value=HEADS[task][0]),)


def tied_targets(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Targets that share their weight with another layer; the hint is that layer."""
    return _tied_entries(_TARGETS, recipe, table_of(recipe, modules, targets), modules)


def tied_saved(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Item, ...]:
    """Modules to save that share their weight with another layer; the hint is that layer."""
    return _tied_entries(_SAVED, recipe, table_of(recipe, modules, targets), modules)


def _tied_entries(
    field: str, recipe: Recipe, table: ModuleTable, modules: Lookup
) -> tuple[Item, ...]:
    if not table.sized and config_value(recipe, modules, "tie_word_embeddings") is None:
        raise UnknownValueError("whether the embeddings are tied is not known")
    partners = [name for name in (table.input_embedding, *table.tied_modules) if name]
    if not table.tied_modules or not table.tie_word_embeddings:
        return ()

    def hit(entry: str) -> str | None:
        return next((n for n in partners if n == entry or n.endswith(f".{entry}")), None)

    found = entries(recipe, field, lambda entry: hit(entry) is not None)[:1]
    others = {name: [p for p in partners if p != name] for name in partners}
    hints = (others.get(hit(str(item.value)) or "", [""]) for item in found)
    return tuple(
        replace(i, hint=h[0].rpartition(".")[2]) for i, h in zip(found, hints, strict=True)
    )


def _counterpart(name: str, table: ModuleTable) -> str:
    """Return what the module is called here that other models call by a name."""
    if name in ("embed_tokens", "wte", "word_embeddings", "embed_in"):
        return (table.input_embedding or "").rpartition(".")[2]
    if name in ("lm_head", "embed_out", "output_layer"):
        return (table.output_embedding or "").rpartition(".")[2]
    if name in ("classifier", "score"):
        heads = ("score", "classifier", "classification_head")
        return next((head for head in heads if head in table.by_name), "")
    return ""
