"""The dry run's memory against the same step on real CPU tensors, and an 8B shape's time.

Prints a line a case: architecture, length, checkpointing, and dry over real for what is kept and
for the peak. The bar is 5 %; the 8B shape is to take less than a minute.
"""

from __future__ import annotations

import os
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

from lora_advisor.calibrate.memory import measure
from lora_advisor.calibrate.setup import Adapter, Base, Setup, Training

TINY: Final[dict[str, Any]] = {
    "vocab_size": 1000,
    "hidden_size": 128,
    "intermediate_size": 352,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "pad_token_id": 0,
}
GPT2: Final = {"vocab_size": 1000, "n_embd": 128, "n_layer": 4, "n_head": 4}
LLAMA_8B: Final = {
    "vocab_size": 128256,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
}
SHAPES: Final = {"llama": TINY, "qwen2": TINY, "qwen3": TINY, "gemma2": TINY, "gpt2": GPT2}
GIB: Final = 2**30


def setup_of(kind: str, shape: dict[str, Any], *, checkpointing: bool, **base: Any) -> Setup:
    """Write a model's config to a folder and return its setup."""
    from transformers import AutoConfig

    folder = tempfile.mkdtemp()
    AutoConfig.for_model(kind, **shape).save_pretrained(folder)
    training = Training(batch=2, micro_batch=2, checkpointing=checkpointing)
    if base:
        training = Training(
            batch=1, micro_batch=1, checkpointing=checkpointing, autocast="bfloat16"
        )
    return Setup(
        base=Base(folder=folder, **base),
        adapter=Adapter(r=16, alpha=32, settings={"target_modules": "all-linear"}),
        training=training,
        train=(),
        held_out=(),
    )


def main() -> None:
    """Compare, then time the 8B shape."""
    for kind, length, checkpointing in product(SHAPES, (128, 512), (False, True)):
        setup = setup_of(kind, SHAPES[kind], checkpointing=checkpointing)
        dry, real = measure(setup, length), measure(setup, length, fake=False)
        kept, peak = dry.kept / real.kept, dry.peak / real.peak
        how = "checkpointed" if checkpointing else "plain"
        print(f"{kind:8} {length:4} {how:12} kept {kept:.3f} peak {peak:.3f}", flush=True)
    began = time.monotonic()
    found = measure(setup_of("llama", LLAMA_8B, checkpointing=True, dtype="bfloat16"), 2048)
    seconds = time.monotonic() - began
    most = int(Path("/proc/self/status").read_text("utf-8").split("VmHWM:")[1].split()[0]) / 2**20
    print(
        f"8B shape, 2048 tokens, checkpointed: kept {found.kept / GIB:.1f} GiB, "
        f"peak {found.peak / GIB:.1f} GiB; {seconds:.0f} s, resident {most:.1f} GiB"
    )


if __name__ == "__main__":
    main()
