"""axolotl (``axolotl train config.yml``): one flat YAML mapping with a few nested blocks.

PyYAML reads it and a pydantic schema casts text to the declared types; a key the schema lacks is
dropped without a word. Read in axolotl 0.19 and 0.21: ``axolotl.utils.schemas``, and for what
becomes of the keys ``axolotl.loaders`` and ``axolotl.core.builders``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.axolotl_keys import KEYS
from lora_advisor.frameworks.axolotl_trainer import settle
from lora_advisor.frameworks.interface import Framework
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml11
from lora_advisor.source.tree import Sequence

if TYPE_CHECKING:
    from lora_advisor.source.tree import Document, Node

_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.r": None,
    "lora.lora_alpha": None,
    "lora.target_modules": [],
    "lora.loraplus_lr_embedding": 1e-6,
    "train.enabled": True,
    "train.method": "sft",
    "train.learning_rate": UNKNOWN,
    "train.per_device_train_batch_size": 1,
    "train.num_train_epochs": 1.0,
    "train.lr_scheduler_type": "cosine",
    "train.bf16": UNKNOWN,
    "train.tf32": UNKNOWN,
    "train.save_strategy": "epoch",
    "train.save_total_limit": 4,
    "train.logging_steps": UNKNOWN,
    "train.report_to": UNKNOWN,
    "train.beta": UNKNOWN,
    "train.sync_ref_model": False,
    "train.use_vllm": False,
    "train.use_liger_kernel": UNKNOWN,
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_use_double_quant": True,
    "quant.bnb_4bit_quant_storage": UNKNOWN,
    "model.name_or_path": UNKNOWN,
    "model.type": UNKNOWN,
    "model.dtype": UNKNOWN,
    "model.device_map": UNKNOWN,
    "model.use_cache": False,
    "model.unsloth": False,
    "data.max_length": 512,
    "data.packing": False,
    "data.eval_packing": False,
    "data.padding_free": False,
    "data.pad_to_max_length": False,
    "data.train_on_inputs": False,
    "data.streaming": False,
    "data.eval_split": 0.0,
}
_PLUGINS: Final = (
    "CompressionArgs",
    "ContextParallelArgs",
    "CoreWeaveArgs",
    "CutCrossEntropyArgs",
    "DenseMixerArgs",
    "DiffusionArgs",
    "DiffusionDecisionArgs",
    "ExpertParallelArgs",
    "GrokfastArgs",
    "HatcheryArgs",
    "KDArgs",
    "KernelsArgs",
    "LLMCompressorArgs",
    "LMEvalArgs",
    "LigerArgs",
    "MoraArgs",
    "NemoGymArgs",
    "SpectrumArgs",
)
_SWANLAB: Final = frozenset(
    {
        "use_swanlab",
        "swanlab_project",
        "swanlab_experiment_name",
        "swanlab_description",
        "swanlab_mode",
        "swanlab_workspace",
        "swanlab_api_key",
        "swanlab_log_model",
        "swanlab_web_host",
        "swanlab_api_host",
        "swanlab_lark_webhook_url",
        "swanlab_lark_secret",
        "swanlab_log_completions",
        "swanlab_completion_log_interval",
        "swanlab_completion_max_buffer",
    }
)
_ADAPTERS: Final = frozenset({"lora", "qlora", "llama-adapter"})
_OWN_WORDS: Final = frozenset(
    {
        "sequence_len",
        "micro_batch_size",
        "sample_packing",
        "lora_target_linear",
        "lora_model_dir",
        "dataset_prepared_path",
        "saves_per_epoch",
        "evals_per_epoch",
        "pad_to_sequence_len",
        "flash_attention",
        "val_set_size",
        "num_epochs",
    }
)


def _recognise(root: Node, document: Document) -> str:
    """Ask for ``base_model`` beside words that no other flat format has together."""
    present = signs.keys(root)
    if document.format == "toml" or not signs.text(root, "base_model") or "task" in present:
        return ""
    if "sequence_len" in present:
        return "base_model and sequence_len"
    if signs.text(root, "adapter") in _ADAPTERS:
        return "base_model and adapter"
    own = sorted(present & _OWN_WORDS)
    listed = isinstance(signs.node(root, "datasets"), Sequence)
    if len(own) > 1 or (own and listed):
        return f"base_model and {own[0]}"
    return "base_model, datasets and lora_r" if listed and "lora_r" in present else ""


FRAMEWORKS: Final = (
    Framework(
        name="axolotl",
        title="axolotl",
        rank=100,
        recognise=_recognise,
        keys=KEYS,
        scalars=yaml11,
        casts=True,
        defaults=_DEFAULTS,
        knows=frozenset({"lora", "train", "quant", "model", "data"}),
        finish=settle,
        on_unknown="drops",
        schema=(("axolotl", ("AxolotlInputConfig", *_PLUGINS)),),
        extra=_SWANLAB | {"gptq_disable_exllama"},  # read without being declared
        package="axolotl",
    ),
)
