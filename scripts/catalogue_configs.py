"""What of a ``config.json`` shapes a model, and which auto class loads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers.models.auto import modeling_auto

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTO_CLASSES = (
    "AutoModelForCausalLM",
    "AutoModelForImageTextToText",
    "AutoModelForSeq2SeqLM",
    "AutoModelForSequenceClassification",
    "AutoModelForTokenClassification",
    "AutoModelForQuestionAnswering",
    "AutoModel",
)
TEXT_TYPES = tuple(
    dict.fromkeys(
        [
            *modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
            *modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
            *modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
            *modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        ]
    )
)
MAPPINGS = {
    "AutoModelForImageTextToText": "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",
    "AutoModelForSeq2SeqLM": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "AutoModelForSpeechSeq2Seq": "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES",
}
DROPPED = frozenset(
    {"quantization_config", "auto_map", "transformers_version", "_name_or_path", "_commit_hash"}
)


def clean_config(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a config without what says nothing about its modules or must not run."""
    return {
        key: clean_config(value) if isinstance(value, dict) else value
        for key, value in raw.items()
        if key not in DROPPED
    }


def default_auto_class(raw: Mapping[str, Any]) -> str:
    """Name the class a fine-tuning script loads the model with."""
    kind = str(raw.get("model_type", ""))
    named = str((raw.get("architectures") or [""])[0])
    causal = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if named.endswith("ForCausalLM") and kind in causal:
        return "AutoModelForCausalLM"
    for auto_class, mapping in MAPPINGS.items():
        if kind in getattr(modeling_auto, mapping):
            return auto_class
    if named.endswith(("ForCausalLM", "LMHeadModel")):
        return "AutoModelForCausalLM"
    import transformers  # noqa: PLC0415 - slow, and needed for few models

    if named and hasattr(transformers, named):
        return named
    return "AutoModelForCausalLM" if kind in causal else "AutoModel"
