"""From a config to what its calibration trains: the adapter, the optimizer, the base, the data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.calibrate.setup import Adapter, Base, Training
from lora_advisor.recipe import UNKNOWN, Origin
from lora_advisor.record import record

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe

METHODS: Final = ("sft", "pretrain")
SETTINGS: Final = (
    *("lora_dropout", "target_modules", "exclude_modules", "target_parameters"),
    *("modules_to_save", "layers_to_transform", "layers_pattern", "rank_pattern"),
    *("alpha_pattern", "bias", "lora_bias", "fan_in_fan_out", "use_rslora", "use_dora"),
    *("init_lora_weights", "loftq_config", "trainable_token_indices", "ensure_weight_tying"),
)
"""Fields of the recipe that go into PEFT's ``LoraConfig`` as they are."""
NEEDS_DATA: Final = ("eva", "corda", "lora_ga", "kasa")
SMALLEST: Final = 8
LARGEST: Final = 32
"""Sequences of a trial's step: fewer are too noisy, more too dear; the rate moves by the root."""
QUANT: Final = (
    *("load_in_4bit", "load_in_8bit", "bnb_4bit_quant_type", "bnb_4bit_compute_dtype"),
    "bnb_4bit_use_double_quant",
)
HALVES: Final = ("bfloat16", "float16")


@record
class Chosen:
    """What the command line says about the machine and the model."""

    device: str = "auto"
    trust_remote_code: bool = False
    length: int | None = None


class Reader:
    """Reads a recipe; ``notes`` collects where the calibration differs from the config."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.notes: list[str] = []

    def get(self, name: str, otherwise: Any = None) -> Any:
        """Return a field's value, or what stands in for one that is unknown or not set."""
        value = self.recipe[name]
        known = value.value is not UNKNOWN and value.fits and value.value is not None
        return value.value if known else otherwise

    def key(self, name: str) -> str:
        """Return a field as the user's format spells it."""
        return self.recipe[name].key or name.partition(".")[2]

    def adapter(self) -> Adapter:
        """Return the adapter; a RefusalError for a training that is none of ours."""
        self._refuse()
        r, alpha = self.get("lora.r", 8), self.get("lora.lora_alpha", 8)
        settings: dict[str, Any] = {"task_type": "CAUSAL_LM"}
        for name in SETTINGS:
            value = self.recipe[f"lora.{name}"]
            if value.value is UNKNOWN and value.written:
                detail = f"{self.key(f'lora.{name}')} cannot be read: {value.why}"
                raise RefusalError("unsupported", detail)
            given = self.get(f"lora.{name}")
            if given is not None and value.origin is not Origin.LIBRARY:
                settings[name] = given
        return Adapter(r=int(r), alpha=float(alpha), settings=settings)

    def _refuse(self) -> None:
        method = self.get("train.method", "sft")
        if method not in METHODS:
            detail = f"the loss of {method} is not the one measured; only {' and '.join(METHODS)}"
            raise RefusalError("unsupported", detail)
        if self.get("lora.enabled", otherwise=True) is False:
            raise RefusalError("unsupported", "the config trains no LoRA adapter")
        if str(self.get("lora.peft_type", "LORA")).upper() != "LORA":
            raise RefusalError("unsupported", f"{self.get('lora.peft_type')} is not LoRA")
        if self.get("model.adapter") is not None:
            detail = f"{self.key('model.adapter')} goes on with an adapter; only new ones are"
            raise RefusalError("unsupported", detail)
        init = str(self.get("lora.init_lora_weights", ""))
        if init in NEEDS_DATA:
            detail = f"initialisation {init!r} needs a pass of its own over the data"
            raise RefusalError("unsupported", detail)

    def batch(self) -> int:
        """Return the config's effective batch."""
        stated = self.get("train.total_batch_size")
        processes = int(self.get("run.num_processes", 1))
        micro = int(self.get("train.per_device_train_batch_size", 8))
        whole = micro * int(self.get("train.gradient_accumulation_steps", 1)) * max(processes, 1)
        return int(stated) if isinstance(stated, int) and stated > 0 else max(whole, 1)

    def training(self, examples: int, device: str) -> Training:
        """Return optimizer, schedule and batch; the batch is brought into a measurable range."""
        batch = min(max(self.batch(), SMALLEST), LARGEST)
        micro = int(self.get("train.per_device_train_batch_size", batch))
        optional = {name: self.get(f"train.{name}") for name in ("adam_beta1", "adam_beta2")}
        return Training(
            batch=batch,
            micro_batch=min(max(micro, 1), batch) if device != "cpu" else batch,
            optimizer=self._optimizer(),
            optimizer_arguments={k: v for k, v in optional.items() if v is not None},
            weight_decay=float(self.get("train.weight_decay", 0.0)),
            max_grad_norm=float(self.get("train.max_grad_norm", 1.0)),
            warmup=self._warmup(examples),
            schedule=str(self.get("train.lr_scheduler_type", "linear")),
            schedule_arguments=self.get("train.lr_scheduler_kwargs", {}),
            loraplus_ratio=self.get("lora.loraplus_lr_ratio"),
            autocast=self._autocast(device),
            checkpointing=bool(self.get("train.gradient_checkpointing", otherwise=False))
            and device != "cpu",
        )

    def _optimizer(self) -> str:
        name = str(self.get("train.optim", "adamw_torch"))
        return "adamw_torch" if name in ("adamw", "adamw_hf") else name

    def _warmup(self, examples: int) -> float:
        """Return the share of the run that warms up; a number of steps is put to the whole run."""
        steps = self.get("train.warmup_steps")
        if isinstance(steps, (int, float)) and steps > 0:
            if steps < 1:
                return float(steps)
            whole = self._steps(examples)
            return min(float(steps) / whole, 0.5) if whole else 0.05
        ratio = self.get("train.warmup_ratio")
        return float(ratio) if isinstance(ratio, (int, float)) else 0.0

    def _steps(self, examples: int) -> int:
        stated = self.get("train.max_steps", -1)
        if isinstance(stated, int) and stated > 0:
            return stated
        epochs = float(self.get("train.num_train_epochs", 3.0))
        return math.ceil(epochs * examples / self.batch())

    def _autocast(self, device: str) -> str | None:
        wanted = next((n for n in ("bf16", "fp16") if self.get(f"train.{n}") is True), None)
        if wanted is None:
            return None
        if device.startswith("cuda"):
            return "bfloat16" if wanted == "bf16" else "float16"
        self.notes.append(f"measured in float32 on {device}, without {self.key('train.' + wanted)}")
        return None

    def base(self, lookup: Lookup, chosen: Chosen, device: str) -> Base:
        """Return the base model's folder and how to load it; nothing is fetched.

        Raises:
            RefusalError: The folder is not there, or holds no weights.
        """
        name = str(self.get("model.name_or_path", ""))
        model = lookup.model(name)
        if model is None or model.folder is None:
            told = f"{name or 'the config'} names no model on this machine"
            raise RefusalError("no-model", f"{told}; say --model FOLDER")
        weights = [p for s in ("safetensors", "bin") for p in model.folder.glob(f"*.{s}")]
        if not weights:
            raise RefusalError("no-model", f"{model.folder} holds no weights")
        size = sum(path.stat().st_size for path in weights)
        return Base(
            folder=str(model.folder),
            dtype=self._dtype(device),
            device=device,
            quantisation=self._quantisation(),
            trust_remote_code=chosen.trust_remote_code,
            attention=self._attention(device),
            threads=_threads(size),
        )

    def _dtype(self, device: str) -> str:
        if not device.startswith("cuda"):
            return "float32"
        named = str(self.get("model.dtype", "auto")).removeprefix("torch.")
        usual = "bfloat16" if self.get("train.bf16") is not False else "float32"
        return named if named in (*HALVES, "float32") else usual

    def _attention(self, device: str) -> str | None:
        wanted = self.get("model.attn_implementation")
        if wanted is None:
            return None
        if device.startswith("cuda"):
            return str(wanted)
        return str(wanted) if wanted in ("eager", "sdpa") else None

    def _quantisation(self) -> dict[str, Any] | None:
        if not (self.get("quant.load_in_4bit") is True or self.get("quant.load_in_8bit") is True):
            return None
        from importlib.util import find_spec

        if find_spec("bitsandbytes") is None:
            self.notes.append("measured on the base unquantised: bitsandbytes is not installed")
            return None
        found = {name: self.get(f"quant.{name}") for name in QUANT}
        given = {name: value for name, value in found.items() if value is not None}
        return given if given.get("load_in_4bit") else {"load_in_8bit": True}


SMALL_FILE: Final = 200_000_000
"""Bytes of weights below which one thread is faster than several."""


def _threads(size: int) -> int:
    """Return the threads of every trial, wherever it runs: sums depend on how they are split.

    Left to itself, a worker of Ray takes one thread where this process takes one a core.
    """
    import torch

    return 1 if size < SMALL_FILE else torch.get_num_threads()


def device_of(name: str) -> str:
    """Return the device to train on: a GPU, Apple's, or the processor."""
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def near(recipe: Recipe) -> Path:
    """Return the folder of a config."""
    return Path(recipe.document.path).parent
