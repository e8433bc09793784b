"""What TRL does with a recipe: its command line, its trainers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trl

from tests.proofs import models
from tests.proofs import sft as sft_

if TYPE_CHECKING:
    from tests.proofs.acts import Attempt


def sft_step_tied(attempt: Attempt) -> None:
    """Take a step of TRL's SFTTrainer on a Llama whose embeddings are one tensor."""
    sft_.trainer(attempt.recipe, models.llama(tie_word_embeddings=True)).train()


def trl_parse(attempt: Attempt) -> Any:
    """Read the text as TRL's command line reads the file of ``--config``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(attempt.text, "utf-8")
        kinds = (trl.ScriptArguments, trl.SFTConfig, trl.ModelConfig)
        parser = trl.TrlParser(kinds)
        extra = ["--output_dir", folder, "--use_cpu", "true", "--bf16", "false"]
        return parser.parse_args_and_config(["--config", str(path), *extra])


def trl_adapter(attempt: Attempt) -> Any:
    """Ask TRL for the adapter config that its ModelConfig of this file gives."""
    return trl.get_peft_config(trl_parse(attempt)[2])


def sft(attempt: Attempt) -> Any:
    """Build TRL's SFTTrainer, which prepares the data and wraps the model."""
    return sft_.trainer(attempt.recipe)


def trl_method_config(attempt: Attempt) -> Any:
    """Read the text as the TRL command of its method does, as far as the trainer's config."""
    from tests.proofs import preference  # not every release of TRL has what it imports

    return preference.configs(attempt.recipe, attempt.text)[0]


def trl_method_trainer(attempt: Attempt) -> Any:
    """Build the trainer of the text's TRL command."""
    from tests.proofs import preference  # not every release of TRL has what it imports

    return preference.trainer(attempt.recipe, attempt.text)


def trl_method_step(attempt: Attempt) -> Any:
    """Train for one step with the trainer of the text's TRL command."""
    from tests.proofs import preference  # not every release of TRL has what it imports

    return preference.trained(attempt.recipe, attempt.text)


def sft_scaled(attempt: Attempt) -> tuple[Any, bool]:
    """Build TRL's SFTTrainer on a base packed as stated: its model, and whether fp16 scales it."""
    packed = models.stated(attempt.recipe, "quant").get("load_in_4bit")
    base = models.four_bit_llama() if packed else models.llama()
    return sft_.trainer(attempt.recipe, base).model, attempt.recipe["train.fp16"].value is True
