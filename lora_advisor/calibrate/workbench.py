"""The base model, loaded once, with a fresh adapter for each trial."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import torch

from lora_advisor.calibrate.examples import chunks, padded
from lora_advisor.calibrate.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lora_advisor.calibrate.examples import Example
    from lora_advisor.calibrate.setup import Base, Setup

SMALL: Final = 50_000_000
"""Below so many parameters one thread is faster than several that wait for each other."""

CHANGES_BASE: Final = ("pissa", "olora", "loftq")
"""Initialisations that rewrite the base's weights."""


class Workbench:
    """A base model on a device, and the data that trials draw from."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        if setup.base.threads:
            torch.set_num_threads(setup.base.threads)
        self._base: Any = load(setup.base)
        if not setup.base.threads and parameters(self._base) < SMALL:
            torch.set_num_threads(1)
        if setup.training.checkpointing:
            self._base.gradient_checkpointing_enable({"use_reentrant": False})
            self._base.enable_input_require_grads()
        self._kept = self._copy() if self._rewritten() else None
        self._peft: Any = None
        self._made: tuple[int, float, int] = (0, 0.0, 0)
        self._starts: dict[tuple[int, float, int], float] = {}

    def fresh(self, r: int, alpha: float, seed: int) -> Any:
        """Return the model with a new adapter, the same for the same arguments.

        Raises:
            RefusalError: No parameter of the adapter is trained.
        """
        from peft import LoraConfig, get_peft_model

        self._clear()
        self._made = (r, alpha, seed)
        torch.manual_seed(seed)
        config = LoraConfig(r=r, lora_alpha=alpha, **self.setup.adapter.settings)
        self._peft = get_peft_model(self._base, config)
        if not any(parameter.requires_grad for parameter in self._peft.parameters()):
            raise RefusalError("frozen-adapter", "no parameter of the adapter is trained")
        return self._peft

    def loss(self, rows: Sequence[Example], *, backward: bool = False) -> float:
        """Return the mean loss over the predicted tokens of the rows; add up gradients if asked."""
        total = max(sum(row.targets for row in rows), 1)
        summed = 0.0
        with nullcontext() if backward else torch.no_grad():
            for part in chunks(rows, self.setup.training.micro_batch):
                loss = self._forward(part) * (sum(row.targets for row in part) / total)
                if backward:
                    loss.backward()
                summed += float(loss.detach())
        return summed

    @contextmanager
    def untrained(self, start: list[torch.Tensor]) -> Iterator[None]:
        """Put the adapter's first tensors in place of the trained ones for a while."""
        trained = [parameter.data for parameter in self.parameters()]
        self._put(start)
        try:
            yield
        finally:
            self._put(trained)

    def parameters(self) -> list[torch.nn.Parameter]:
        """Return what is trained."""
        return [p for p in self._peft.parameters() if p.requires_grad]

    def score(self) -> float:
        """Return the mean loss on the held-out rows."""
        self._peft.eval()
        try:
            return self.loss(self.setup.held_out)
        finally:
            self._peft.train()

    def start(self) -> float:
        """Return the score of the new adapter: asked before it is trained, measured once."""
        if self._made not in self._starts:
            self._starts[self._made] = self.score()
        return self._starts[self._made]

    def _put(self, tensors: list[torch.Tensor]) -> None:
        for parameter, tensor in zip(self.parameters(), tensors, strict=True):
            parameter.data = tensor

    def _forward(self, rows: Sequence[Example]) -> torch.Tensor:
        arguments = padded(rows, self.setup.pad_token)
        device = self.setup.base.device
        batch = {name: torch.tensor(values, device=device) for name, values in arguments.items()}
        with self._precision():
            loss: torch.Tensor = self._peft(**batch, use_cache=False).loss
        return loss

    def _precision(self) -> Any:
        wanted = self.setup.training.autocast
        kind = self.setup.base.device.split(":")[0]
        return torch.autocast(kind, getattr(torch, wanted)) if wanted else nullcontext()

    def _clear(self) -> None:
        if self._peft is not None:
            self._base = self._peft.unload()
            self._peft = None
        if self._kept is not None:
            self._base.load_state_dict(self._kept)

    def _rewritten(self) -> bool:
        init = self.setup.adapter.settings.get("init_lora_weights")
        return isinstance(init, str) and init.startswith(CHANGES_BASE)

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in self._base.state_dict().items()}


def parameters(model: torch.nn.Module) -> int:
    """Count a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def load(base: Base) -> Any:
    """Load the base model from its folder; nothing is fetched."""
    from transformers import AutoModelForCausalLM

    arguments: dict[str, Any] = {"dtype": getattr(torch, base.dtype)}
    if base.quantisation:
        from transformers import BitsAndBytesConfig

        arguments["quantization_config"] = BitsAndBytesConfig(**base.quantisation)
    if base.attention:
        arguments["attn_implementation"] = base.attention
    model: Any = AutoModelForCausalLM.from_pretrained(
        base.folder,
        local_files_only=True,
        trust_remote_code=base.trust_remote_code,
        device_map=base.device,
        **arguments,
    )
    if base.quantisation:
        from peft import prepare_model_for_kbit_training

        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return model
