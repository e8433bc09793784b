"""Real training steps on the GPU at hand: the allocator's peak beside the estimate.

Models are made from configs with random weights; nothing is downloaded.
"""

from __future__ import annotations

import gc
from itertools import product
from typing import Any

import peft
import torch
import transformers

from lora_advisor.models.adapter import AdapterConfig
from lora_advisor.models.lookup import by_id
from lora_advisor.models.memory import estimate
from lora_advisor.models.memory_setup import GIB, Setup
from lora_advisor.models.resolve import resolve

MODELS = ("Qwen/Qwen2.5-0.5B", "meta-llama/Llama-3.2-1B", "Qwen/Qwen3-4B")
LENGTHS = (512, 2048)
STEPS = 2


def measure() -> dict[str, Any]:
    """Run every case on the GPU and return device, versions, and a row for each."""
    if not torch.cuda.is_available():
        raise SystemExit("no GPU is at hand")
    cases = product(MODELS, LENGTHS, (True, False), ("sdpa", "eager"))
    rows = [_row(*case) for case in cases if _sensible(*case)]
    return {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
        "rows": rows,
    }


def _sensible(name: str, length: int, checkpointing: bool, attention: str) -> bool:
    return attention == "sdpa" or ("0.5B" in name and length == min(LENGTHS) and checkpointing)


def _row(name: str, length: int, checkpointing: bool, attention: str) -> dict[str, Any]:
    setup, config = _setup(name, length, checkpointing, attention)
    peak = _peak(config, setup, checkpointing, attention)
    found = estimate(setup)
    ours = sum(p.likely for p in found.parts if p.name not in ("allocator", "context"))
    row = {
        "model": name,
        "length": length,
        "checkpointing": checkpointing,
        "attention": attention,
        "allocated": round(peak[0] / GIB, 3),
        "reserved": round(peak[1] / GIB, 3),
        "estimated": round(ours / GIB, 3),
        "error": round(ours / peak[0] - 1, 4),
    }
    print(row, flush=True)
    return row


def _setup(name: str, length: int, checkpointing: bool, attention: str) -> tuple[Setup, Any]:
    model = by_id(name)
    table = model.table() if model is not None else None
    if model is None or table is None:
        raise SystemExit(f"the catalogue has no {name}")
    fields = {**(model.entry or {}).get("config", {}), **model.config}
    adapter = AdapterConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM")
    setup = Setup(
        table=table,
        config=fields,
        resolution=resolve(adapter, table),
        batch=1,
        length=length,
        checkpointing=checkpointing,
        attention=attention,
        holds_outputs=True,
        optimizer="adamw_torch",
    )
    kind = fields["model_type"]
    return setup, transformers.AutoConfig.for_model(
        kind, **{k: v for k, v in fields.items() if k != "model_type"}
    )


def _peak(config: Any, setup: Setup, checkpointing: bool, attention: str) -> tuple[int, int]:
    """Return the bytes allocated and reserved at the peak of two steps."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    torch.set_default_dtype(torch.float32)
    wrapped = peft.get_peft_model(
        model, peft.LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    wrapped.enable_input_require_grads()
    if checkpointing:
        wrapped.gradient_checkpointing_enable({"use_reentrant": False})
    wrapped.train()
    trained = [p for p in wrapped.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    torch.cuda.reset_peak_memory_stats()
    ids = torch.randint(0, setup.vocabulary, (1, setup.length or 1), device="cuda")
    for _ in range(STEPS):
        with torch.autocast("cuda", dtype=torch.bfloat16):
            outputs = wrapped(input_ids=ids, labels=ids)
        outputs.loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    peak = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    del outputs, wrapped, model, optimizer, trained
    return peak
