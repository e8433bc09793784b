"""What a framework does with a recipe, done with the real libraries on tiny models.

An act takes an :class:`Attempt` and returns what an observation looks at, or raises what the
library raises.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peft
import transformers

from tests.proofs import models

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One example of a card: its recipe and its raw text."""

    recipe: Recipe
    text: str


def construct(attempt: Attempt) -> peft.LoraConfig:
    """Make the LoraConfig."""
    return models.lora_config(attempt.recipe)


def inject(attempt: Attempt) -> Any:
    """Put the adapter into a small Llama."""
    return peft.get_peft_model(models.llama(), models.lora_config(attempt.recipe))


def inject_tied(attempt: Attempt) -> Any:
    """Put the adapter into a Llama whose input and output embeddings are one tensor."""
    model = models.llama(tie_word_embeddings=True)
    return peft.get_peft_model(model, models.lora_config(attempt.recipe))


def inject_moe(attempt: Attempt) -> Any:
    """Put the adapter into a mixture of experts."""
    return peft.get_peft_model(models.qwen3_moe(), models.lora_config(attempt.recipe))


def inject_classifier(attempt: Attempt) -> Any:
    """Put the adapter into a sequence classifier."""
    return peft.get_peft_model(models.classifier(), models.lora_config(attempt.recipe))


def load_adapter_config(attempt: Attempt) -> peft.PeftConfig:
    """Read the text as the adapter_config.json of a saved adapter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "adapter_config.json").write_text(attempt.text, "utf-8")
        return peft.PeftConfig.from_pretrained(folder)


def step(attempt: Attempt) -> Any:
    """Put the adapter into a small Llama and make one backward pass."""
    model = inject(attempt)
    model.train()
    model(**models.batch()).loss.backward()
    return model


def arguments(attempt: Attempt) -> transformers.TrainingArguments:
    """Make TrainingArguments of what the recipe states of the run."""
    known = {field.name for field in fields(transformers.TrainingArguments)}
    stated = models.stated(attempt.recipe, "train").items()
    chosen = {name: value for name, value in stated if name in known}
    with tempfile.TemporaryDirectory() as folder:
        return transformers.TrainingArguments(
            **{"report_to": "none", **chosen, "output_dir": folder, "use_cpu": True}
        )


def quantisation(attempt: Attempt) -> transformers.BitsAndBytesConfig:
    """Make the BitsAndBytesConfig of what the recipe states."""
    stated = models.stated(attempt.recipe, "quant")
    return transformers.BitsAndBytesConfig(
        **{name: value for name, value in stated.items() if name not in ("method", "bits")}
    )


def trl_parse(attempt: Attempt) -> Any:
    """Read the text as TRL's command line reads the file of ``--config``."""
    import trl  # noqa: PLC0415 - slow, and only some cards need it

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(attempt.text, "utf-8")
        kinds = (trl.ScriptArguments, trl.SFTConfig, trl.ModelConfig)
        parser = trl.TrlParser(kinds)
        extra = ["--output_dir", folder, "--use_cpu", "true", "--bf16", "false"]
        return parser.parse_args_and_config(["--config", str(path), *extra])


def trl_adapter(attempt: Attempt) -> Any:
    """Ask TRL for the adapter config that its ModelConfig of this file gives."""
    from trl import get_peft_config  # noqa: PLC0415

    return get_peft_config(trl_parse(attempt)[2])
