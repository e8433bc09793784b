"""Facts of a training that a script sets up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN, UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Data, Lora, Recipe, Run, Train

_LANGUAGE_MODEL: Final = frozenset(
    {"sft", "pretrain", "dpo", "ipo", "kto", "orpo", "simpo", "grpo", "rloo"}
)
_WIDENED: Final = pattern(r"\.float\(\)|torch\.float32|cast_training_params")


def of_language_model(train: Train, recipe: Recipe) -> bool:
    """Whether a causal language model is trained: by the method, or by the adapter's task."""
    method = recipe["train.method"].value
    if method is UNKNOWN or method is None:
        if recipe["lora.task_type"].value == "CAUSAL_LM":
            return True
        if recipe.framework == "torchtune":  # whose recipes train nothing else
            return "classifier" not in recipe.document.text
        return train.method in _LANGUAGE_MODEL  # unknown, with the reason
    return method in _LANGUAGE_MODEL


def widens_weights(recipe: Recipe) -> bool:
    """Whether a script may cast trainable weights to float32 itself."""
    document = recipe.document
    return document.format == "python" and _WIDENED.search(document.text) is not None


def keeps_all_logits(run: Run, recipe: Recipe) -> bool:
    """Whether evaluation gathers every logit of a language model for ``compute_metrics``."""
    given = set(run.trainer_arguments)
    gathers = "compute_metrics" in given and "preprocess_logits_for_metrics" not in given
    reduced = {"eval_accumulation_steps", "prediction_loss_only"} & given
    generates = "predict_with_generate" in recipe.document.text  # also set on the arguments later
    metrics = recipe["train.computes_metrics"]  # not written for a trainer of somebody's own
    given_some = metrics.written and metrics.value is True
    return gathers and given_some and not (reduced or generates) and _is_language_model(recipe)


def _is_language_model(recipe: Recipe) -> bool:
    collator, loader = recipe["data.collator"].value, str(recipe["model.auto_class"].value)
    by_class = loader.endswith(("ForCausalLM", "ForSeq2SeqLM", "LMHeadModel"))
    collects = collator in ("DataCollatorForLanguageModeling", "DataCollatorForSeq2Seq")
    return collects or by_class or recipe["train.method"].value == "sft"


def resizes_untrained(run: Run, lora: Lora, data: Data) -> bool:
    """Whether a script grows the embeddings for new tokens and trains none of their rows."""
    if "resize_token_embeddings" not in run.calls or not data.new_tokens:
        return False
    if lora.modules_to_save or lora.trainable_token_indices is not None:
        return False
    if lora.target_modules == "all-linear":
        return True
    if not isinstance(lora.target_modules, list):
        raise UnknownValueError
    return not {"embed_tokens", "lm_head", "wte", "embed_in"} & set(lora.target_modules)
