"""Tiny random models of the real architectures, and what a recipe says as library arguments."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import peft
import torch
import transformers
from peft.tuners.lora import layer

from lora_advisor.frameworks import schemas
from lora_advisor.recipe import UNKNOWN, Origin
from lora_advisor.source.scalars import plain_value, python_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Recipe

SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
}


def llama(**changes: Any) -> Any:
    """Return a Llama of 2 layers and width 16, untied."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**{**SIZES, "tie_word_embeddings": False, **changes})
    return transformers.LlamaForCausalLM(config)


def qwen3_moe() -> Any:
    """Return a mixture of 4 experts with fused expert parameters."""
    torch.manual_seed(0)
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
    return transformers.Qwen3MoeForCausalLM(
        transformers.Qwen3MoeConfig(**SIZES, **experts, head_dim=8)
    )


def classifier(labels: int = 2) -> Any:
    """Return a Llama with a head called ``score`` for so many labels."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**SIZES, num_labels=labels, pad_token_id=0)
    return transformers.LlamaForSequenceClassification(config)


def stated(recipe: Recipe, group: str) -> dict[str, object]:
    """Return the fields of a group that the config or its framework states."""
    found: dict[str, object] = {}
    for field, value in recipe.values.items():
        owner, _, name = field.partition(".")
        is_stated = value.origin in (Origin.WRITTEN, Origin.FRAMEWORK)
        if owner == group and is_stated and value.value is not UNKNOWN:
            found[name] = value.value
    return found


def lora_config(recipe: Recipe) -> peft.LoraConfig:
    """Return the LoraConfig that the recipe's framework would make.

    An argument of another release than the installed one is handed over like any other.
    """
    known = schemas.keys("peft", "LoraConfig")
    stated_fields = stated(recipe, "lora").items()
    return peft.LoraConfig(**{name: value for name, value in stated_fields if name in known})


def tuner_config(recipe: Recipe) -> Any:
    """Return the config of another tuner than LoRA, with the arguments a script gives it."""
    call = next(k.path for k in recipe.keys if "." not in k.path and hasattr(peft, k.path))
    keys = [key for key in recipe.keys if key.path == f"{call}.{key.name}"]
    chosen = {key.name: plain_value(key.node, python_value) for key in keys}
    return getattr(peft, call)(**chosen)


def batch() -> dict[str, torch.Tensor]:
    """Return two rows of eight tokens with labels."""
    ids = torch.arange(16).reshape(2, 8)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}


def four_bit_llama() -> Any:
    """Return the small Llama as bitsandbytes loads it in 4 bits, on the CPU."""
    quantisation = transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    with tempfile.TemporaryDirectory() as folder:
        llama(hidden_size=64, intermediate_size=64).save_pretrained(folder)
        return transformers.AutoModelForCausalLM.from_pretrained(
            folder, quantization_config=quantisation, dtype=torch.float32
        )


def with_random_b(model: Any) -> Any:
    """Fill every lora_B with small random numbers, as training would."""
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return model


def logits(model: Any) -> torch.Tensor:
    """Return what a model answers to the batch, without dropout."""
    model.eval()
    with torch.no_grad():
        answer: torch.Tensor = model(**batch()).logits
    return answer


@contextmanager
def loftq_on_cpu() -> Iterator[None]:
    """Let PEFT's LoftQ run on the CPU: its code, with the one device name exchanged."""
    original = layer.loftq_init.__wrapped__
    code = original.__code__
    constants = tuple("cpu" if name == "cuda" else name for name in code.co_consts)
    moved = FunctionType(
        code.replace(co_consts=constants), original.__globals__, argdefs=original.__defaults__
    )
    with patch.object(layer, "loftq_init", torch.no_grad()(moved)):
        yield


def whisper() -> Any:
    """Return a Whisper of one layer each for sound and text, width 16."""
    torch.manual_seed(0)
    layers = {"encoder_layers": 1, "decoder_layers": 1, "num_mel_bins": 4}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    widths = {"d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "vocab_size": 64}
    lengths = {"max_source_positions": 8, "max_target_positions": 16}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = transformers.WhisperConfig(**layers, **heads, **widths, **lengths, **tokens)
    return transformers.WhisperForConditionalGeneration(config)
