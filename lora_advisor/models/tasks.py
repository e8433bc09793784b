"""Which class loads a model for the task that a LoRA config names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.models.table import ModuleTable

_HEADS: Final = pattern(
    r"(\w+)For((?:Sequence|Token|Image|Audio)Classification|QuestionAnswering|SemanticSegmentation)"
)
_BARE: Final = pattern(r"(\w+)Model")
_WITH_HEAD: Final = {
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "FEATURE_EXTRACTION": "AutoModel",
}
_NEW_HEADS: Final = (
    *("score", "classifier", "classification_head", "logits_proj"),
    *("qa_outputs", "decode_head"),
)
_GENERATING: Final = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
}


def new_head(table: ModuleTable) -> str | None:
    """Return the name of the head that a model gets new for its task, None where none is known."""
    return next((name for name in _NEW_HEADS if name in table.by_name), None)


def table_for(
    task: object, auto_class: str | None, table_of: Callable[[str | None], ModuleTable | None]
) -> ModuleTable | None:
    """Return a model's modules as the named class loads it, or as its task asks for.

    A task that generates text keeps the model's usual class where that one generates.
    """
    if auto_class is not None or not isinstance(task, str):
        return table_of(auto_class)
    table = table_of(_WITH_HEAD.get(task))
    if task in _GENERATING and table is not None and not table.generates:
        return table_of(_GENERATING[task]) or table
    return table


def auto_class_of(loader: str, model_type: str) -> str | None:
    """Return the auto class that loads what a class of the type's own does, None for another class.

    ``LlamaForSequenceClassification`` puts the same head on as its auto class, and ``LlamaModel``
    is the bare model; a class of any other name may be the user's own.
    """
    if loader.startswith("AutoModel"):
        return loader
    headed, bare = _HEADS.fullmatch(loader), _BARE.fullmatch(loader)
    found = headed or bare
    if found is None or found[1].lower() != model_type.replace("-", "").replace("_", ""):
        return None
    return f"AutoModelFor{headed[2]}" if headed else "AutoModel"
