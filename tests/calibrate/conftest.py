"""A tiny base with its tokenizer, made once: random weights are enough to learn a text."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the libraries are imported; no retries
TEXT = Path(__file__).parents[2] / "benchmarks" / "texts" / "kjv.txt"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    pytest.importorskip("peft")
    pytest.importorskip("datasets")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("base")
    bpe = tokenizers.ByteLevelBPETokenizer()
    text = TEXT.read_text("utf-8")[:60_000]
    bpe.train_from_iterator(
        text.splitlines(), vocab_size=400, special_tokens=["<pad>", "<eos>"], show_progress=False
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, pad_token="<pad>", eos_token="<eos>"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        pad_token_id=0,
    )
    model = transformers.LlamaForCausalLM(config)
    _learn(model, tokenizer(text)["input_ids"])
    model.save_pretrained(folder)
    return folder


def _learn(model: Any, tokens: list[int]) -> None:
    """Teach the base a little, so that there is something to adapt."""
    import torch

    torch.set_num_threads(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rows = [tokens[i : i + 32] for i in range(0, len(tokens) - 32, 32)]
    for step in range(60):
        batch = torch.tensor(rows[step * 8 : step * 8 + 8])
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.fixture(scope="session")
def folder(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: a config with comments, rows beside it, the base by name."""
    home = tmp_path_factory.mktemp("user")
    (home / "base").symlink_to(base)
    verses = TEXT.read_text("utf-8").splitlines()[4000:4400]
    rows = [json.dumps({"text": verse}) for verse in verses]
    (home / "rows.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    (home / "config.yaml").write_text(CONFIG, "utf-8")
    return home


CONFIG = """\
model_name_or_path: base
dataset_name: rows.jsonl
max_length: 32
use_peft: true
lora_r: 4
lora_alpha: 8  # twice the rank
lora_target_modules: all-linear
per_device_train_batch_size: 8
gradient_accumulation_steps: 1
learning_rate: 2.0e-4  # a guess
lr_scheduler_type: linear
output_dir: out
"""
