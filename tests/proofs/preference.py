"""TRL's preference, reward and GRPO trainers on a tiny Llama, trained for one step."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import trl
from trl.scripts.grpo import GRPOScriptArguments

from tests.proofs import models, sft

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

_CLASSES = {"reward": "Reward"}
_PROMPT = ["the cat", "a cat", "on a mat", "the mat"] * 4
_ROWS: dict[str, dict[str, list[Any]]] = {
    "dpo": {"prompt": _PROMPT, "chosen": ["sat on"] * 16, "rejected": ["mat the"] * 16},
    "kto": {"prompt": _PROMPT, "completion": ["sat on"] * 16, "label": [True, False] * 8},
    "reward": {"chosen": ["the cat sat"] * 16, "rejected": ["mat the a"] * 16},
    "grpo": {"prompt": _PROMPT},
    "sft": {"text": ["the cat sat on a mat"] * 16},
}


def configs(recipe: Recipe, text: str) -> tuple[Any, Any]:
    """Read a file as its TRL command does: the trainer's config and the ModelConfig."""
    method = str(recipe["train.method"].value)
    kind = getattr(trl, f"{_CLASSES.get(method, method.upper())}Config")
    script = GRPOScriptArguments if method == "grpo" else trl.ScriptArguments
    parser = trl.TrlParser((script, kind, trl.ModelConfig))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(text, "utf-8")
        own = ["--output_dir", folder, "--use_cpu", "true", "--bf16", "false"]
        own += ["--report_to", "none", "--max_steps", "1", "--save_strategy", "no"]
        own += ["--logging_steps", "1"]
        parsed = parser.parse_args_and_config(["--config", str(path), *own])
    return parsed[1], parsed[2]


def trainer(recipe: Recipe, text: str) -> Any:
    """Build the trainer of a file's method, with its adapter."""
    method = str(recipe["train.method"].value)
    arguments, model = configs(recipe, text)
    name = _CLASSES.get(method, method.upper())
    rewards = {"reward_funcs": lambda completions, **_: [0.0, 1.0] * (len(completions) // 2)}
    if method == "grpo":
        arguments.max_completion_length = 4
    return getattr(trl, f"{name}Trainer")(
        model=models.classifier(1) if method == "reward" else models.llama(),
        args=arguments,
        processing_class=sft.tokenizer(),
        train_dataset=datasets.Dataset.from_dict(_ROWS[method]),
        peft_config=trl.get_peft_config(model),
        **(rewards if method == "grpo" else {}),
    )


def trained(recipe: Recipe, text: str) -> Any:
    """Train for one step and return the trainer."""
    found = trainer(recipe, text)
    found.train()
    return found
