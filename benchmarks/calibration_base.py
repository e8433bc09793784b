"""Build the tiny base model of the calibration benchmark: a Llama of 0.4 M parameters.

It is trained on English prose, manuals and a dictionary, and is kept, with its tokenizer, under
the cache folder. About four CPU minutes; needs apt (Debian) for the texts.
"""

from __future__ import annotations

import argparse
import os
import random
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

from calibration_texts import base_texts, domain_text, unpack

CACHE: Final = Path(
    os.environ.get("LORA_ADVISOR_BENCH", Path.home() / ".cache" / "lora-advisor-bench")
)
VOCABULARY: Final = 1024
LENGTH: Final = 64
STEPS: Final = 1500
BATCH: Final = 24
SHAPE: Final = {
    "hidden_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 256,
    "tie_word_embeddings": True,
    "max_position_embeddings": 256,
}


def build(folder: Path, texts: list[str], *, steps: int = STEPS, shape: Any = None) -> Path:
    """Train tokenizer and model on the texts and save both; returns the folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = train_tokenizer(texts)
    rows = cut([tokenizer.encode(text) for text in texts])
    config = LlamaConfig(vocab_size=len(tokenizer), **(shape or SHAPE), pad_token_id=0)
    model = LlamaForCausalLM(config)
    train(model, rows, steps)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train_tokenizer(texts: list[str]) -> Any:
    """Train a byte-level BPE tokenizer on the texts."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        [text[i : i + 2000] for text in texts for i in range(0, len(text) // 2, 2000)],
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<eos>"],
        show_progress=False,
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer,  # noqa: SLF001 - the wrapper has no other way out
        pad_token="<pad>",
        eos_token="<eos>",
    )


def cut(streams: list[list[int]]) -> list[list[int]]:
    """Cut token streams into rows of the fixture's length, mixed with a fixed seed."""
    rows = [s[i : i + LENGTH] for s in streams for i in range(0, len(s) - LENGTH, LENGTH)]
    random.Random(0).shuffle(rows)
    return rows


def train(model: Any, rows: list[list[int]], steps: int) -> None:
    """Train the model for the steps: AdamW, 3e-3, warm-up and cosine decay."""
    import torch
    from transformers import get_cosine_schedule_with_warmup

    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = get_cosine_schedule_with_warmup(optimizer, steps // 20, steps)
    for step in range(steps):
        first = step * BATCH % (len(rows) - BATCH)
        batch = torch.tensor(rows[first : first + BATCH])
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step} loss {loss.item():.3f}", flush=True)


def ensure(cache: Path = CACHE) -> tuple[Path, dict[str, str]]:
    """Return the base's folder and each domain's text, building what is missing."""
    root = unpack(cache)
    folder = cache / "base"
    if not (folder / "config.json").exists():
        build(folder, base_texts(root))
    return folder, {name: domain_text(name, root) for name in ("kjv", "german")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE)
    print(ensure(parser.parse_args().cache)[0])
