"""Short trainings of a tiny Llama on the CPU, as a recipe's arguments would run them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bitsandbytes
import peft
import torch
import transformers

from tests.proofs import models

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

ROWS = 64
"""Rows of the training data, of eight tokens each."""

_PLAIN = {"bf16": False, "gradient_checkpointing": None, "disable_tqdm": True}


class Rows(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Eight tokens in a row, starting from another one each time."""

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        ids = torch.arange(8) + index % 32
        return {"input_ids": ids, "labels": ids}


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished training: the learning rate of every step, and what was trained and saved."""

    trainer: transformers.Trainer
    rates: list[float]
    before: dict[str, torch.Tensor]
    saved: list[str]


class _Rates(transformers.TrainerCallback):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_step_begin(self, *_: Any, lr_scheduler: Any, **__: Any) -> None:
        self.seen.append(float(lr_scheduler.get_last_lr()[0]))


def arguments(recipe: Recipe, folder: str) -> transformers.TrainingArguments:
    """Return the TrainingArguments of what a recipe states of the run, for the CPU.

    Mixed precision and recomputation are left out: they only take time here.
    """
    known = {field.name for field in fields(transformers.TrainingArguments)}
    stated = models.stated(recipe, "train")
    if stated.get("warmup_ratio") and not stated.get("warmup_steps"):
        stated["warmup_steps"] = stated["warmup_ratio"]
    chosen: dict[str, Any] = {name: value for name, value in stated.items() if name in known}
    return transformers.TrainingArguments(
        **{"report_to": "none", **chosen, "output_dir": folder, "use_cpu": True, **_PLAIN}
    )


def train(recipe: Recipe, model: Any = None) -> Run:
    """Train the adapter that a recipe states, or a given model, on :class:`Rows`."""
    model = model or peft.get_peft_model(models.llama(), models.lora_config(recipe))
    rates = _Rates()
    with tempfile.TemporaryDirectory() as folder:
        trainer = transformers.Trainer(
            model=model,
            args=arguments(recipe, folder),
            train_dataset=Rows(),
            eval_dataset=Rows(),
            callbacks=[rates],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        before = {name: value.detach().clone() for name, value in _trained(model).items()}
        trainer.train()
        saved = sorted(path.name for path in Path(folder).iterdir())
    return Run(trainer=trainer, rates=rates.seen, before=before, saved=saved)


def _trained(model: Any) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def changed(run: Run) -> bool:
    """Whether the training changed any parameter."""
    after = _trained(run.trainer.model)
    return any(not torch.equal(value, after[name]) for name, value in run.before.items())


def bits_and_bytes(recipe: Recipe) -> transformers.BitsAndBytesConfig:
    """Return the BitsAndBytesConfig of what a recipe states."""
    known = {"load_in_4bit", "load_in_8bit", "llm_int8_threshold", "llm_int8_skip_modules"}
    stated: dict[str, Any] = models.stated(recipe, "quant")
    chosen = {n: v for n, v in stated.items() if n in known or n.startswith("bnb_")}
    return transformers.BitsAndBytesConfig(**chosen)


def load(recipe: Recipe) -> Any:
    """Load a small Llama from a folder as the recipe's quantisation has it."""
    asked = recipe["quant.load_in_4bit"].value or recipe["quant.load_in_8bit"].value
    config = bits_and_bytes(recipe) if asked else None
    with tempfile.TemporaryDirectory() as folder:
        models.llama(hidden_size=64, intermediate_size=64).save_pretrained(folder)
        return transformers.AutoModelForCausalLM.from_pretrained(
            folder, quantization_config=config, device_map="cpu", dtype=torch.bfloat16
        )


def quantised_layers(model: Any) -> set[str]:
    """Return the names of the layers that bitsandbytes holds with 4 or 8 bits."""
    kinds = (bitsandbytes.nn.Linear4bit, bitsandbytes.nn.Linear8bitLt)
    return {name for name, module in model.named_modules() if isinstance(module, kinds)}
