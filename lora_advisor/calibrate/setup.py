"""What a calibration trains, as plain data that any process can be given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.calibrate.examples import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The base model: a folder, and how it is loaded; ``dtype`` and ``device`` as torch names."""

    folder: str
    dtype: str = "float32"
    device: str = "cpu"
    quantisation: Mapping[str, Any] | None = None
    trust_remote_code: bool = False
    attention: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """The adapter: rank, alpha, and the rest of PEFT's ``LoraConfig`` as keyword arguments."""

    r: int
    alpha: float
    settings: Mapping[str, Any]

    @property
    def constant_scaling(self) -> bool:
        """Whether alpha is kept when the rank changes; otherwise it follows the rank."""
        return bool(self.settings.get("use_rslora"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The optimizer, its schedule and the batch; ``warmup`` is a share of the steps.

    ``batch`` is the sequences of one optimizer step, ``micro_batch`` those that pass the model
    together, ``autocast`` the torch type of mixed precision.
    """

    batch: int
    micro_batch: int
    optimizer: str = "adamw_torch"
    optimizer_arguments: Mapping[str, Any] = field(default_factory=dict)
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    warmup: float = 0.05
    schedule: str = "linear"
    schedule_arguments: Mapping[str, Any] = field(default_factory=dict)
    loraplus_ratio: float | None = None
    autocast: str | None = None
    checkpointing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything a trial needs beside its own numbers."""

    base: Base
    adapter: Adapter
    training: Training
    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    pad_token: int = 0
