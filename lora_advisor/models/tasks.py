"""Which class loads a model for the task that a LoRA config names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.models.table import ModuleTable

_WITH_HEAD: Final = {
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "FEATURE_EXTRACTION": "AutoModel",
}
_GENERATING: Final = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
}


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
