"""What decides the memory of a training: the model, the adapter, the batch, the precision."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.models.resolve import Resolution
    from lora_advisor.models.table import ModuleTable

GIB: Final = 1024**3
HALF: Final = 2
SINGLE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Setup:
    """One training on one GPU; None marks what is not known, which widens the estimate.

    ``dtype_bytes`` is of the weights as loaded, ``bits`` 16 for a base that is not quantised.
    ``upcast`` says whether ``prepare_model_for_kbit_training`` turned the rest to float32,
    ``holds_outputs`` whether a loop of one's own keeps the logits until the backward pass is over.
    ``sharding`` is 0, or the stage of ZeRO (FSDP's full shard is 3); ``batch`` counts sequences of
    ``length`` tokens, ``copies`` how many such batches one step holds at once (2 for preferences).
    """

    table: ModuleTable
    config: Mapping[str, Any] = field(default_factory=dict)
    resolution: Resolution | None = None
    dtype_bytes: int | None = HALF
    bits: int = 16
    double_quant: bool | None = True
    skipped: tuple[str, ...] = ()
    upcast: bool | None = False
    adapter_bytes: int | None = SINGLE
    autocast: bool | None = True
    batch: int | None = 1
    length: int | None = None
    copies: int = 1
    checkpointing: bool | None = False
    attention: str | None = None
    fused_loss: bool | None = False
    holds_outputs: bool | None = False
    optimizer: str | None = "adamw_torch"
    dropout: float = 0.0
    processes: int | None = 1
    sharding: int | None = 0
    offload: bool = False

    @property
    def tokens(self) -> int | None:
        """Tokens that one GPU works on at once, None where the batch is not known."""
        if self.batch is None or self.length is None:
            return None
        return self.batch * self.length * self.copies

    def value(self, *names: str) -> Any:
        """Return the first of these fields that the model's ``config.json`` sets, None if none."""
        inner = self.config.get("text_config")
        for place in (self.config, inner if isinstance(inner, dict) else {}):
            for name in names:
                if place.get(name) is not None:
                    return place[name]
        return None

    @property
    def hidden(self) -> int:
        """Width of the residual stream: of the input embedding, 0 where it has none."""
        module = self.table.by_name.get(self.table.input_embedding or "")
        shape = module.shape("weight") if module is not None else None
        return shape[-1] if shape else 0

    @property
    def vocabulary(self) -> int:
        """Rows of the output head, 0 for a model without one."""
        module = self.table.by_name.get(self.table.output_embedding or "")
        shape = module.shape("weight") if module is not None else None
        return shape[0] if shape else 0


_BEST: Final[Mapping[str, Any]] = {
    "dtype_bytes": HALF,
    "double_quant": True,
    "upcast": False,
    "adapter_bytes": HALF,
    "autocast": True,
    "checkpointing": True,
    "attention": "flash_attention_2",
    "fused_loss": True,
    "holds_outputs": False,
    "optimizer": "adamw_8bit",
    "processes": 1,
    "sharding": 0,
}
_WORST: Final[Mapping[str, Any]] = {
    "dtype_bytes": SINGLE,
    "double_quant": False,
    "upcast": True,
    "adapter_bytes": SINGLE,
    "autocast": True,
    "checkpointing": False,
    "attention": "sdpa",
    "fused_loss": False,
    "holds_outputs": True,
    "optimizer": "adamw_torch",
    "processes": 1,
    "sharding": 0,
}


def settled(setup: Setup, *, best: bool) -> Setup:
    """Put the value of least (or most) memory wherever one is not known."""
    choices = _BEST if best else _WORST
    unknown = {name: value for name, value in choices.items() if getattr(setup, name) is None}
    return replace(setup, **unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the memory in bytes: between ``low`` and ``high``, by a formula from a source.

    ``allocated`` is false for what torch does not count: the context of the driver.
    """

    name: str
    low: int
    high: int
    formula: str
    source: str
    allocated: bool = True

    @property
    def likely(self) -> int:
        """The middle of the range."""
        return (self.low + self.high) // 2
