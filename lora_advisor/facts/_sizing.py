"""What a recipe says of sizes: the adapter as PEFT would make it, and the training's memory."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._base import base_model, table_of
from lora_advisor.facts.quant_loading import adapter_kind
from lora_advisor.models.adapter import (
    AdapterConfig,
    InjectionError,
    UnresolvedError,
    from_mapping,
)
from lora_advisor.models.memory_setup import HALF, SINGLE, Setup
from lora_advisor.models.resolve import Resolution, resolve
from lora_advisor.recipe import UNKNOWN, UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets

_NEEDED: Final = ("target_modules", "r")
_BYTES: Final = {"float16": 2, "bfloat16": 2, "half": 2, "float32": 4, "float": 4, "float64": 8}
_PAIRS: Final = frozenset({"dpo", "orpo", "simpo", "ipo", "cpo", "kto", "reward"})
_ROLLOUTS: Final = frozenset({"grpo", "rloo", "ppo", "online_dpo", "gkd"})
_SHARDED_FULLY: Final = 3


def known_value(recipe: Recipe, field: str) -> Any:
    """Return a field's value, None where it is not known; UnknownValueError if it is written."""
    value = recipe.values.get(field)
    if value is None:
        return None
    if value.value is UNKNOWN or not value.fits:
        if value.written:
            raise UnknownValueError(f"{value.key or field}: its value is not known")
        return None
    return value.value


def adapter_of(recipe: Recipe) -> AdapterConfig:
    """Return the LoRA config that the recipe stands for; what it leaves out is PEFT's default."""
    for name in _NEEDED:
        value = recipe.values.get(f"lora.{name}")
        if value is None or value.value is UNKNOWN or not value.fits:
            raise UnknownValueError(f"{name} is not known")
    stated = {f.name: known_value(recipe, f"lora.{f.name}") for f in fields(AdapterConfig)}
    return from_mapping({name: value for name, value in stated.items() if value is not None})


def resolution_of(recipe: Recipe, modules: Lookup, targets: Targets) -> Resolution:
    """Return what PEFT adapts; UnknownValueError where it would refuse or nobody can say."""
    if known_value(recipe, "lora.enabled") is False:
        raise UnknownValueError("no adapter is trained")
    table = table_of(recipe, modules, targets)
    if not table.complete:
        raise UnknownValueError("only the names of the model's layers are known")
    try:
        return resolve(adapter_of(recipe), table)
    except InjectionError as error:
        raise UnknownValueError(f"PEFT would refuse the adapter: {error}") from None
    except UnresolvedError as error:
        raise UnknownValueError(str(error)) from None
    except (TypeError, AttributeError, ValueError):
        raise UnknownValueError("the adapter's values do not fit their types") from None


def setup_of(
    recipe: Recipe, modules: Lookup, targets: Targets, resolution: Resolution | None = None
) -> Setup:
    """Return the training as far as its memory goes; UnknownValueError without the model's sizes.

    What the files at hand do not say stays None and widens the estimate; a launch that shards or
    offloads in a way they leave open makes it unknown.
    """
    table = table_of(recipe, modules, targets)
    if not table.sized or not table.complete:
        raise UnknownValueError("the model's sizes are not known")
    model = base_model(recipe, modules)
    config = {**(model.entry or {}).get("config", {}), **model.config}
    processes, sharding = _sharded(recipe)
    method = known_value(recipe, "train.method") or "sft"
    bits = _bits(recipe, config)
    return Setup(
        table=table,
        config=config,
        resolution=resolution,
        dtype_bytes=_dtype_bytes(recipe, config),
        bits=bits,
        double_quant=known_value(recipe, "quant.bnb_4bit_use_double_quant"),
        skipped=tuple(known_value(recipe, "quant.llm_int8_skip_modules") or ()),
        upcast=_upcast(recipe, targets) if bits < HALF * 8 else False,
        adapter_bytes=HALF if recipe.framework == "trl" and bits < HALF * 8 else SINGLE,
        autocast=_autocast(recipe),
        batch=_batch(recipe, method),
        length=known_value(recipe, "data.max_length"),
        copies=2 if method in _PAIRS else 1,
        checkpointing=_checkpointing(recipe),
        attention=known_value(recipe, "model.attn_implementation"),
        fused_loss=_fused_loss(recipe, method, targets),
        holds_outputs=False if _has_trainer(recipe) else None,
        optimizer=known_value(recipe, "train.optim"),
        dropout=known_value(recipe, "lora.lora_dropout") or 0.0,
        processes=processes,
        sharding=sharding,
    )


def _dtype_bytes(recipe: Recipe, config: dict[str, Any]) -> int | None:
    """Return the bytes of a weight as loaded: as the config says, or as the checkpoint is."""
    if _half_by_hardware(recipe):
        return HALF
    name = known_value(recipe, "model.dtype")
    if name in (None, "auto"):
        name = config.get("dtype") or config.get("torch_dtype") if name == "auto" else None
    return _BYTES.get(str(name).removeprefix("torch."))


def _bits(recipe: Recipe, config: dict[str, Any]) -> int:
    if any(key.path == "quantize_moe_experts" for key in recipe.keys):
        raise UnknownValueError("axolotl packs experts in a way of its own")
    if known_value(recipe, "quant.load_in_4bit") and not _not_quantised(recipe):
        return 4
    if known_value(recipe, "quant.load_in_8bit"):
        return 8
    stored = config.get("quantization_config")
    if isinstance(stored, dict):
        bits = stored.get("bits") or (8 if stored.get("quant_method") == "fp8" else None)
        if bits not in (4, 8):
            raise UnknownValueError("the bits of the quantised checkpoint are not known")
        return int(bits)
    if known_value(recipe, "quant.method") not in (None, "bitsandbytes"):
        raise UnknownValueError("the quantiser's memory is not known")
    return 16


def _not_quantised(recipe: Recipe) -> bool:
    """Whether axolotl's plain ``lora`` passes over ``load_in_4bit``."""
    return adapter_kind(recipe) == "lora" and not known_value(recipe, "quant.load_in_8bit")


def _upcast(recipe: Recipe, targets: Targets) -> bool | None:
    """Whether the framework calls ``prepare_model_for_kbit_training`` and leaves its float32.

    TRL did until 0.26; axolotl turns norms and embeddings back; LLaMA-Factory and unsloth have
    their own way.
    """
    if recipe.framework in ("axolotl", "llamafactory", "unsloth"):
        return False
    if recipe.framework == "trl":
        if targets.surely_hold({"trl": ">=0.26"}):
            return False
        return None if targets.may_hold({"trl": ">=0.26"}) else True
    calls = known_value(recipe, "run.calls")
    if isinstance(calls, list) and calls:
        return any("prepare_model_for_kbit_training" in str(call) for call in calls)
    return None


def _half_by_hardware(recipe: Recipe) -> bool:
    """Whether axolotl chooses between its two half precisions by the GPU: ``bf16: auto``."""
    texts = {key.path: getattr(key.node, "text", "") for key in recipe.keys}
    return recipe.framework == "axolotl" and texts.get("bf16") == "auto"


def _autocast(recipe: Recipe) -> bool | None:
    if _half_by_hardware(recipe):
        return True
    switches = [known_value(recipe, "train.bf16"), known_value(recipe, "train.fp16")]
    if any(switch is True for switch in switches):
        return True
    return False if all(switch is False for switch in switches) else None


def _batch(recipe: Recipe, method: str) -> int | None:
    if method in _ROLLOUTS or known_value(recipe, "train.auto_find_batch_size"):
        return None
    size = known_value(recipe, "train.per_device_train_batch_size")
    return size if isinstance(size, int) and size > 0 else None


def _checkpointing(recipe: Recipe) -> bool | None:
    names = ("train.gradient_checkpointing", "train.activation_checkpointing")
    switches = [known_value(recipe, name) for name in names]
    if any(switches):
        return True
    return False if False in switches else None


def _fused_loss(recipe: Recipe, method: str, targets: Targets) -> bool | None:
    """Whether the loss takes the logits a few rows at a time (TRL's own does from 1.8 on)."""
    if known_value(recipe, "train.use_liger_kernel") or recipe.framework == "unsloth":
        return True
    if recipe.framework == "trl" and method == "sft":
        if targets.surely_hold({"trl": ">=1.8"}):
            return True
        return None if targets.may_hold({"trl": ">=1.6"}) else False
    if recipe.framework == "axolotl":
        return _axolotl_fuses(recipe)
    return False if _has_trainer(recipe) else None


def _axolotl_fuses(recipe: Recipe) -> bool | None:
    """Whether axolotl's plugins fuse the loss; None for plugins that may be others."""
    texts = [f"{key.path} {getattr(key.node, 'text', '')}".lower() for key in recipe.keys]
    if any(word in text for text in texts for word in ("liger_fused", "cut_cross_entropy")):
        return True
    return None if any(text.startswith("plugins") for text in texts) else False


def _has_trainer(recipe: Recipe) -> bool:
    """Whether transformers' ``Trainer`` runs the steps, which lets go of the outputs."""
    if recipe.framework in ("axolotl", "llamafactory", "trl", "unsloth"):
        return True
    calls = known_value(recipe, "run.calls")
    return isinstance(calls, list) and any(str(call).endswith("Trainer") for call in calls)


def _sharded(recipe: Recipe) -> tuple[int, int]:
    """Return over how many GPUs what is spread: ZeRO's stage, 3 for FSDP, 0 for nothing."""
    if known_value(recipe, "run.offload"):
        raise UnknownValueError("parameters are offloaded")
    stage = known_value(recipe, "run.zero_stage")
    if stage is None and known_value(recipe, "run.deepspeed") is not None:
        raise UnknownValueError("the DeepSpeed config is not at hand")
    if known_value(recipe, "run.fsdp"):
        stage = _SHARDED_FULLY
    processes = known_value(recipe, "run.num_processes")
    if not isinstance(processes, int) or processes < 1:
        if stage:
            raise UnknownValueError("the number of GPUs it is sharded over is not known")
        processes = 1
    return processes, stage or 0


def launch_is_known(recipe: Recipe) -> bool:
    """Whether nothing beside the files at hand can still shard the model.

    axolotl's config says so itself, unsloth trains on one GPU; elsewhere a launcher may.
    """
    if recipe.framework in ("axolotl", "unsloth"):
        return True
    return bool(known_value(recipe, "run.num_processes") == 1)
