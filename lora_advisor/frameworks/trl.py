"""TRL's command line (``trl sft --config config.yaml``), alignment-handbook and open-r1.

One flat YAML file over ``ScriptArguments``, the trainer's config and ``ModelConfig``. PyYAML reads
it and argparse casts the text among its values, but nothing inside a nested mapping; null stays
null. Source: ``trl.scripts.utils.TrlParser``, ``trl.trainer.model_config``,
``trl.trainer.utils.get_peft_config``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import deepspeed, signs, trl_commands
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.recipe import FIELDS, Train
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_COMMANDS: Final = ("SFT", "DPO", "GRPO", "KTO", "Reward", "RLOO", "ORPO", "CPO")
_OWNERS: Final = (
    *("ScriptArguments", "SFTScriptArguments", "DPOScriptArguments", "RewardScriptArguments"),
    "GRPOScriptArguments",
    "DatasetMixtureConfig",
    "ModelConfig",
    *(f"{command}Config" for command in _COMMANDS),
)
_SCRIPT_NAMES: Final = """
env dataset_mixer dataset_mixture dataset_splits preprocessing_num_workers chat_template
use_flash_attention_2 hub_model_revision benchmarks callbacks system_prompt
overwrite_hub_revision push_to_hub_revision wandb_entity wandb_project wandb_run_group
wandb_log_unique_prompts cosine_min_value_wrong cosine_max_value_wrong
cosine_min_value_correct cosine_max_value_correct cosine_max_len repetition_n_grams
repetition_max_penalty code_language code_eval_test_batch_size code_eval_scoring_mode
parallel_code_exec_per_proc dataset_prompt_column morph_router_url code_provider
ioi_provider max_completion_len soft_punish_cache
"""
_SCRIPTS: Final = frozenset(_SCRIPT_NAMES.split())
"""Arguments of the scripts of alignment-handbook and open-r1, and TRL's own ``env``."""
_LAUNCHER_NAMES: Final = """
accelerate_config config_file num_processes num_machines machine_rank main_process_ip
main_process_port gpu_ids mixed_precision dynamo_backend multi_gpu use_deepspeed use_fsdp
zero_stage deepspeed_config_file
"""
_LAUNCHER: Final = frozenset(_LAUNCHER_NAMES.split())
"""What ``trl sft`` and its like hand on to ``accelerate launch``, from a file as from flags."""

_MODEL_CONFIG: Final = {
    "model_name_or_path": "model.name_or_path",
    "dtype": "model.dtype",
    "torch_dtype": "model.dtype",
    "attn_implementation": "model.attn_implementation",
    "trust_remote_code": "model.trust_remote_code",
    "use_cache": "model.use_cache",
    "use_peft": "lora.enabled",
    "lora_r": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "lora_target_modules": "lora.target_modules",
    "lora_target_parameters": "lora.target_parameters",
    "lora_modules_to_save": "lora.modules_to_save",
    "lora_task_type": "lora.task_type",
    "use_rslora": "lora.use_rslora",
    "use_dora": "lora.use_dora",
    "load_in_4bit": "quant.load_in_4bit",
    "load_in_8bit": "quant.load_in_8bit",
    "bnb_4bit_quant_type": "quant.bnb_4bit_quant_type",
    "use_bnb_nested_quant": "quant.bnb_4bit_use_double_quant",
    "bnb_4bit_quant_storage": "quant.bnb_4bit_quant_storage",
}
_DATA: Final = {
    "max_length": "data.max_length",
    "max_seq_length": "data.max_length",
    "packing": "data.packing",
    "packing_strategy": "data.packing_strategy",
    "eval_packing": "data.eval_packing",
    "padding_free": "data.padding_free",
    "completion_only_loss": "data.completion_only_loss",
    "assistant_only_loss": "data.assistant_only_loss",
    "dataset_streaming": "data.streaming",
    "pad_token": "data.pad_token",
    "eos_token": "data.eos_token",
}
_OTHER_NAMES: Final = {
    "evaluation_strategy": "train.eval_strategy",
    "activation_checkpointing_kwargs": "train.gradient_checkpointing_kwargs",
    "use_liger": "train.use_liger_kernel",
    "output_dir": "run.output_dir",
    "deepspeed": "run.deepspeed",
    "fsdp_config": "run.fsdp_config",
}
_NOT_ARGUMENTS: Final = {"method", "enabled", "total_batch_size", "ref_model"}
_NESTED: Final[dict[str, str | Key]] = {
    "model_init_kwargs.dtype": "model.dtype",
    "model_init_kwargs.torch_dtype": "model.dtype",
    "model_init_kwargs.attn_implementation": "model.attn_implementation",
    "model_init_kwargs.device_map": "model.device_map",
    "model_init_kwargs.use_cache": "model.use_cache",
    **{f"deepspeed.{path}": key for path, key in deepspeed.KEYS.items()},
    "fsdp_config.fsdp_version": "run.fsdp_version",
    "fsdp_config.version": "run.fsdp_version",
}


def _cast(field: str) -> Callable[[object], object]:
    """Read as argparse does with the value of a config file: only text is cast."""
    annotation = FIELDS[field]
    return lambda value: cast_to(annotation, value) if isinstance(value, str) else value


def _keys() -> dict[str, str | Key]:
    flat = {name: f"train.{name}" for name in Train.__annotations__ if name not in _NOT_ARGUMENTS}
    flat |= _MODEL_CONFIG | _DATA | _OTHER_NAMES
    found: dict[str, str | Key] = {
        name: Key(field=field, read=_cast(field)) for name, field in flat.items()
    }
    found["fsdp"] = Key(field="run.fsdp", read=bool)
    found["use_flash_attention_2"] = Key(
        field="model.attn_implementation",
        read=lambda value: "flash_attention_2" if value is True else None,
    )
    found["train_sampling_strategy"] = Key(
        field="train.group_by_length", read=lambda value: value == "group_by_length"
    )
    return found | _NESTED


def _finish(draft: Draft) -> None:
    trl_commands.settle(draft)
    deepspeed.settle(draft, "deepspeed.")
    _settle_targets(draft)
    _settle_precision(draft)
    _settle_checkpointing(draft)
    _settle_quantisation(draft)


def _settle_targets(draft: Draft) -> None:
    """Take the one name out of a list of one: to PEFT, text is a pattern for the whole path."""
    targets = draft.get("lora.target_modules")
    if isinstance(targets, list) and len(targets) == 1:
        draft.put("lora.target_modules", targets[0], draft.values["lora.target_modules"])


def _settle_precision(draft: Draft) -> None:
    """Train in bf16 unless fp16 is asked for or bf16 is turned off."""
    fp16 = draft.get("train.fp16")
    bf16 = draft.values.get("train.bf16")
    if (bf16 is None or bf16.value is None) and isinstance(fp16, bool):
        draft.put("train.bf16", not fp16, None)


def _settle_checkpointing(draft: Draft) -> None:
    """Let the newer name of the switch win, as transformers does; null is off there."""
    new = draft.values.get("train.activation_checkpointing")
    old = draft.values.get("train.gradient_checkpointing")
    if new is not None and isinstance(new.value, bool):
        draft.put("train.gradient_checkpointing", new.value, new)
    elif old is not None and old.value is None:
        draft.put("train.gradient_checkpointing", False, old)


def _settle_quantisation(draft: Draft) -> None:
    """Compute in the model's dtype, as ``trl.get_quantization_config`` has it."""
    for switch in ("quant.load_in_4bit", "quant.load_in_8bit"):
        if draft.get(switch) is True:
            draft.put("quant.method", "bitsandbytes", draft.values[switch])
    dtype = draft.values.get("model.dtype")
    if draft.get("quant.load_in_4bit") is True:
        draft.put("quant.bnb_4bit_compute_dtype", draft.get("model.dtype"), dtype)


def _recognise(root: Node, document: Document) -> str:
    """Tell TRL's files from other flat ones that speak of a model and of LoRA."""
    if document.format != "yaml":
        return ""
    for sign in ("use_peft", "dataset_mixer", "dataset_mixture"):
        if found := signs.all_of(root, "model_name_or_path", sign):
            return found
    found = signs.all_of(root, "model_name_or_path", "dataset_name") or signs.all_of(
        root, "model_name_or_path", "datasets"
    )
    return f"{found}, and no key that TRL lacks" if found and _all_known(root) else ""


def _all_known(root: Node) -> bool:
    """Whether every key is an argument of TRL in some release, or nearly spelt like one."""
    from lora_advisor.frameworks.schemas import keys  # few files come to this

    known = set(keys("trl", *_OWNERS)) | _SCRIPTS | _LAUNCHER
    strange = signs.keys(root) - known
    if not strange:
        return True
    from difflib import get_close_matches  # the same

    return all(get_close_matches(name, known, n=1, cutoff=0.85) for name in strange)


FRAMEWORKS: Final = (
    Framework(
        name="trl",
        title="TRL command line",
        rank=170,
        recognise=_recognise,
        keys=_keys(),
        scalars=yaml11,
        defaults={
            "lora.enabled": False,
            "lora.r": 16,
            "lora.lora_alpha": 32,
            "lora.lora_dropout": 0.05,
            "lora.task_type": "CAUSAL_LM",
            "train.enabled": True,
            "quant.bnb_4bit_quant_type": "nf4",
            "model.dtype": "float32",
            "model.attn_implementation": None,
            "model.trust_remote_code": False,
            "model.use_cache": False,
            "model.unsloth": False,
            "data.streaming": False,
        }
        | trl_commands.COMMON,
        knows=frozenset({"lora", "train", "quant"}),
        finish=_finish,
        on_unknown="raises",
        schema=(("trl", _OWNERS),),
        extra=_SCRIPTS | _LAUNCHER | {"config"},
        package="trl",
    ),
)
