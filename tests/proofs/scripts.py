"""What the calls of a script do in the order in which they stand."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import peft
import torch
import transformers
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers import models as tokenizer_models

from tests.proofs import models

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe


def prepared(recipe: Recipe) -> Any:
    """Call ``prepare_model_for_kbit_training`` and ``get_peft_model`` as the script does."""
    config = models.lora_config(recipe)
    acts = {
        "get_peft_model": lambda model: peft.get_peft_model(model, config),
        "prepare_model_for_kbit_training": peft.prepare_model_for_kbit_training,
    }
    model = models.four_bit_llama()
    calls = recipe["run.calls"].value
    assert isinstance(calls, list)
    for call in calls:
        model = acts[call](model) if call in acts else model
    return model


def reloaded(recipe: Recipe) -> Any:
    """Load a saved adapter as the script does, with or without ``is_trainable``."""
    config = peft.LoraConfig(target_modules=["q_proj"])
    with tempfile.TemporaryDirectory() as folder:
        peft.get_peft_model(models.llama(), config).save_pretrained(folder)
        trainable = recipe["model.adapter_trainable"].value is True
        return peft.PeftModel.from_pretrained(models.llama(), folder, is_trainable=trainable)


def collated(recipe: Recipe) -> list[int]:
    """Return the labels of a text that ends in its end token, padded as the script sets it."""
    words = {"<unk>": 0, "<eos>": 1, "<pad>": 2, "word": 3}
    inner = Tokenizer(tokenizer_models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        eos_token="<eos>",
    )
    is_end = recipe["data.pad_is_eos"].value is True
    tokenizer.pad_token = tokenizer.eos_token if is_end else "<pad>"
    collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm=False)
    texts = [tokenizer("word word <eos>"), tokenizer("word <eos>")]
    labels: list[int] = collator(texts)["labels"][0].tolist()
    return labels


def grown(recipe: Recipe) -> Any:
    """Grow the embeddings by a token and put the adapter in."""
    model = models.llama()
    model.resize_token_embeddings(model.config.vocab_size + 1, mean_resizing=False)
    return peft.get_peft_model(model, models.lora_config(recipe))


def run_marked(text: str, config: Any) -> Any:
    """Run the lines of a card's own example that wrap the model or change its weights."""
    model = models.llama()
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if "from_pretrained" in line) + 1
    stop = next(i for i, line in enumerate(lines) if "TrainingArguments(" in line)
    scope: dict[str, Any] = {"model": model, "peft": peft, "config": config}
    for block in "\n".join(lines[start:stop]).replace("\n ", "\0 ").split("\n"):
        wraps = "get_peft_model" in block
        code = "model = peft.get_peft_model(model, config)" if wraps else block
        exec(code.replace("\0", "\n"), scope)  # noqa: S102 - a line of a card in this repository
    return scope["model"]


def unscaled(model: Any) -> None:
    """Unscale gradients of every trained weight as fp16 training does."""
    trained = [part for part in model.parameters() if part.requires_grad]
    for part in trained:
        part.grad = torch.zeros_like(part)
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(torch.ones(()))
    scaler.unscale_(torch.optim.AdamW(trained))
