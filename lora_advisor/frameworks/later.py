"""Formats that are recognised but not read yet: only their name is known.

Each sign is one that no other format has, so that none of these files is taken for a home-made
config. No rule fires on them, and ``check`` says which format it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.source.tree import Document, Node


def _onetrainer(root: Node) -> str:
    return signs.all_of(root, "training_method", "lora_rank")


def _oumi(root: Node) -> str:
    """Tell Oumi's files for a cloud's job, for inference and for a search from its trainings."""
    if signs.all_of(root, "resources", "run") and "oumi " in signs.text(root, "run"):
        return "resources, and oumi is run"
    own = signs.one_of(root, "generation", "tuning")
    return f"model.model_name and {own}" if own and signs.text(root, "model.model_name") else ""


def _peft_benchmark(root: Node) -> str:
    own = signs.keys(root)
    told = signs.one_of(root, "optimizer_kwargs", "batch_size_eval", "autocast_adapter_dtype")
    return told if told and own <= _PEFT_BENCHMARK else ""


def _later(
    name: str, title: str, rank: int, sign: Callable[[Node], str], *syntaxes: str
) -> Framework:
    """Declare a format that is written in one of ``syntaxes``, any if none is given."""

    def recognise(root: Node, document: Document) -> str:
        return sign(root) if not syntaxes or document.format in syntaxes else ""

    return Framework(
        name=name, title=title, rank=rank, recognise=recognise, keys={}, scalars=yaml11
    )


_PEFT_BENCHMARK: Final = frozenset(
    {
        *("model_id", "dataset_id", "dataset_split", "dtype", "resolution", "max_seq_length"),
        *("batch_size", "batch_size_eval", "repeats", "max_steps", "eval_steps", "compile"),
        *("use_gc", "seed", "grad_norm_clip", "optimizer_type", "optimizer_kwargs"),
        *("lr_scheduler", "use_amp", "autocast_adapter_dtype", "attn_implementation"),
        *("generation_kwargs", "query_template", "init_kv_cache_prefix", "image_column"),
        *("dino_image_size", "dino_model_id", "drift_image_prompts", "guidance_scale"),
        *("instance_prompts", "logit_mean", "logit_std", "max_sequence_length", "mode_scale"),
        *("num_inference_steps", "sample_image_prompts", "test_size", "text_encoder_out_layers"),
        *("valid_size", "weighting_scheme"),
    }
)
"""Keys of ``training_params.json``, with which PEFT compares its methods."""
FRAMEWORKS: Final = (
    _later("onetrainer", "OneTrainer", 250, _onetrainer, "json"),
    _later("oumi-other", "Oumi without training", 301, _oumi, "yaml"),
    _later("peft-benchmark", "PEFT method comparison", 302, _peft_benchmark, "json"),
)
