"""A card's own script, run as it stands: on a tiny Llama, with the data and folders it names."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import datasets
import peft
import safetensors
import torch
import transformers
import trl

from tests.proofs import models, sft

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH = 4


@dataclass(frozen=True, kw_only=True)
class Played:
    """What a script left behind: its names, and the tensors in each folder that it saved to."""

    scope: dict[str, Any]
    saved: dict[str, list[str]]


def play(text: str) -> Played:
    """Run a script in an empty folder, with nothing that is not at hand."""
    with tempfile.TemporaryDirectory() as folder, _inside(folder):
        _adapted().save_pretrained("adapter")
        scope = _given()
        exec(text, scope)  # noqa: S102 - the example of a card in this repository
        return Played(scope=scope, saved=_saved(Path(folder)))


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    """Stand in a folder, where models, tokenizers and data sets are tiny and at hand."""
    before = Path.cwd()
    stand_ins: list[contextlib.AbstractContextManager[object]] = [
        mock.patch.object(transformers.AutoModelForCausalLM, "from_pretrained", _base),
        mock.patch.object(
            transformers.AutoModel, "from_pretrained", return_value=models.llama().model
        ),
        mock.patch.object(
            transformers.AutoModelForSequenceClassification, "from_pretrained", _classifier
        ),
        mock.patch.object(transformers.AutoTokenizer, "from_pretrained", return_value=_tokenizer()),
        mock.patch.object(datasets, "load_dataset", return_value=_splits()),
        *(mock.patch.object(kind, "__init__", _plain(kind)) for kind in _ARGUMENTS),
    ]
    with contextlib.ExitStack() as stack:
        for stand_in in stand_ins:
            stack.enter_context(stand_in)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


_ARGUMENTS = (transformers.TrainingArguments, trl.SFTConfig, trl.RewardConfig)


def _plain(kind: Any) -> Any:
    """Return how training arguments are made for one step on a machine without a GPU."""
    real = kind.__init__
    fixed = {"use_cpu": True, "bf16": False, "report_to": "none", "max_steps": 1}

    def init(arguments: Any, *given: object, **named: object) -> None:
        real(arguments, *given, **{**named, **fixed})

    return init


def _base(*_: object, **__: object) -> Any:
    return models.llama()


def _classifier(*_: object, num_labels: int = 2, **__: object) -> Any:
    return models.classifier(num_labels)


def _adapted() -> Any:
    """Return a tiny adapted model whose adapter has learned something."""
    model = peft.get_peft_model(models.llama(), peft.LoraConfig(target_modules=["q_proj"]))
    for name, part in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(part)
    return model


def _tokenizer() -> Any:
    """Return a tokenizer with one token more than the model has embeddings."""
    tokenizer = sft.tokenizer()
    missing = models.llama().config.vocab_size + 1 - len(tokenizer)
    tokenizer.add_tokens([f"<{index}>" for index in range(missing)])
    return tokenizer


def _splits() -> Any:
    ids = [list(range(1, _LENGTH + 1))] * _LENGTH
    return datasets.DatasetDict(train=datasets.Dataset.from_dict({"input_ids": ids, "labels": ids}))


def _given() -> dict[str, Any]:
    """Return what the scripts of cards take as given."""
    ids = torch.arange(1, _LENGTH + 1)[None]
    return {
        "torch": torch,
        "model": models.llama(),
        "data": _splits()["train"],
        "texts": datasets.Dataset.from_dict({"text": [" ".join(sft.WORDS)] * 8}),
        "pairs": datasets.Dataset.from_list(
            [{"chosen": sft.WORDS[0], "rejected": sft.WORDS[1]}] * 8
        ),
        "tokenizer": sft.tokenizer(),
        "batches": [{"input_ids": ids, "labels": ids}] * 2,
    }


def _saved(folder: Path) -> dict[str, list[str]]:
    found = {}
    for path in folder.glob("*/*.safetensors"):
        with safetensors.safe_open(path, "pt") as tensors:
            found[path.parent.name] = list(tensors.keys())
    return found
