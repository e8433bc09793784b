"""The memory of one training step, counted on tensors that have shapes and no content.

The model is made under ``FakeTensorMode``: no weights, no compute, any size. A dispatch mode adds
up live storages, as ``torch.distributed._tools.mem_tracker`` does, which fails on frozen weights.
"""

from __future__ import annotations

import copy
import gc
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lora_advisor.calibrate.optimizers import optimizer
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.calibrate.setup import Setup

LAYERS: Final = (2, 4)
"""Depths from which deeper models are extrapolated: every layer costs the same."""
FIELD: Final = "num_hidden_layers"


@record
class MemoryReading:
    """Bytes: ``kept`` between steps (weights, adapter, optimizer), ``peak`` within one."""

    kept: float
    peak: float
    sequences: int
    length: int
    basis: str


class Storages(TorchDispatchMode):  # type: ignore[misc]
    """Adds up the bytes of storages while they live, and remembers the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.most = 0
        self._seen: set[int] = set()

    def track(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage until it is freed."""
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001 - the only name that views share
        if key in self._seen or tensor.device.type == "meta":
            return
        size = storage.nbytes()
        self._seen.add(key)
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it makes."""
        del types
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self.track(leaf)
        return out


def measure(setup: Setup, length: int, *, fake: bool = True) -> MemoryReading:
    """Count one step of a setup at a length; ``fake`` false runs it on real tensors."""
    config = _config(setup)
    depth = int(getattr(config, FIELD, 0))
    kept: float
    peak: float
    if depth <= LAYERS[-1]:
        kept, peak = _step(setup, config, length, fake=fake)
    else:
        (kept_a, peak_a), (kept_b, peak_b) = (
            _step(setup, _cut(config, layers), length, fake=fake) for layers in LAYERS
        )
        beyond = (depth - LAYERS[0]) / (LAYERS[1] - LAYERS[0])
        kept = kept_a + beyond * (kept_b - kept_a)
        peak = peak_a + beyond * (peak_b - peak_a)
    basis = "counted" if depth <= LAYERS[-1] else f"from {LAYERS[0]} and {LAYERS[1]} layers"
    sequences = setup.training.micro_batch
    return MemoryReading(kept=kept, peak=peak, sequences=sequences, length=length, basis=basis)


def _config(setup: Setup) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(
        setup.base.folder,
        local_files_only=True,
        trust_remote_code=setup.base.trust_remote_code,
    )


def _cut(config: Any, layers: int) -> Any:
    """Return the config of a shallower model of the same layers."""
    shallow = copy.deepcopy(config)
    setattr(shallow, FIELD, layers)
    if isinstance(getattr(shallow, "layer_types", None), list):
        shallow.layer_types = shallow.layer_types[:layers]
    return shallow


def _step(setup: Setup, config: Any, length: int, *, fake: bool) -> tuple[int, int]:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with torch.device("meta"):
        model = _model(setup, config)
    if not fake:
        return _counted(setup, model, length)
    with FakeTensorMode(allow_non_fake_inputs=True), _unpacked():
        return _counted(setup, model, length)


def _no_sequences(*_: object, **__: object) -> None:
    """Stand in for a search; a mock would remember its arguments, and so keep them in memory."""


@contextmanager
def _unpacked() -> Iterator[None]:
    """Keep transformers from building a mask that it leaves out on real tensors.

    Whether a row holds several sequences cannot be asked of a tensor without content.
    """
    from transformers import masking_utils

    name = "find_packed_sequence_indices"
    if not hasattr(masking_utils, name):
        yield
        return
    with mock.patch.object(masking_utils, name, _no_sequences):
        yield


def _counted(setup: Setup, model: Any, length: int) -> tuple[int, int]:
    _fill(model)
    counter = Storages()
    for tensor in (*model.parameters(), *model.buffers()):
        counter.track(tensor)
    tokens = torch.zeros(setup.training.micro_batch, length, dtype=torch.long)
    with counter:
        made = optimizer(model, setup.training, 1e-4, "cpu")
        _train(setup, model, tokens)
        made.step()
        made.zero_grad()
        gc.collect()  # graphs in cycles outlive a step
        kept = counter.now
        counter.most = counter.now
        _train(setup, model, tokens)
        made.step()
    return kept, counter.most


def _fill(model: Any) -> None:
    """Give every weight a tensor outside of meta, tied ones the same; ``to()`` would refuse."""
    made: dict[int, Any] = {}
    for module in model.modules():
        for name, old in [*module._parameters.items()]:  # noqa: SLF001 - the only place to set them
            if old is not None:
                fresh = torch.zeros(old.shape, dtype=old.dtype)
                new = torch.nn.Parameter(fresh, requires_grad=old.requires_grad)
                module._parameters[name] = made.setdefault(id(old), new)  # noqa: SLF001
        for name, old in [*module._buffers.items()]:  # noqa: SLF001
            if old is not None:
                fresh = torch.zeros(old.shape, dtype=old.dtype)
                module._buffers[name] = made.setdefault(id(old), fresh)  # noqa: SLF001


def _train(setup: Setup, model: Any, tokens: torch.Tensor) -> None:
    wanted = setup.training.autocast
    with torch.autocast("cpu", getattr(torch, wanted or "bfloat16"), enabled=bool(wanted)):
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    loss.backward()


def _model(setup: Setup, config: Any) -> Any:
    """Make base and adapter without weights (on meta)."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    dtype = getattr(torch, setup.base.dtype)
    config.use_cache = False
    base = AutoModelForCausalLM.from_config(config, dtype=dtype)
    if setup.training.checkpointing:
        base.gradient_checkpointing_enable({"use_reentrant": False})
        base.enable_input_require_grads()
    adapter = setup.adapter
    settings = {**adapter.settings, "init_lora_weights": False}
    model = get_peft_model(base, LoraConfig(r=adapter.r, lora_alpha=adapter.alpha, **settings))
    return model.train()
