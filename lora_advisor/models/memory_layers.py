"""What one transformer layer keeps for its backward pass, counted from its modules.

Autograd keeps what the gradient of a *frozen* network with adapters needs: the float32 input of
each norm, queries, keys, values and output of attention, the factors of a gated MLP, and the
input of each adapted layer. A frozen linear layer keeps nothing. Counted against
``saved_tensors_hooks`` on real models by ``tests/proofs/test_memory.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lora_advisor.models.memory_setup import HALF, SINGLE
from lora_advisor.models.memory_weights import is_packed
from lora_advisor.models.table import LINEAR
from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lora_advisor.models.memory_setup import Setup
    from lora_advisor.models.resolve import Adapted
    from lora_advisor.models.table import Module

_EXPERT: Final = pattern(r"(?:^|\.)experts\.\d+\.")
_QKV: Final = pattern(
    r"(^|_|\.)(q|k|v|query|key|value|qkv|Wqkv|kv|c_attn|query_key_value|in_proj|q_lin|k_lin|v_lin)"
    r"(_|$)"
)
_PYTHON_GELU: Final = ("NewGELU", "FastGELU", "QuickGELU", "AccurateGELU")
_UNCOUNTED: Final = ("mamba", "ssm", "delta", "rwkv", "recurrent", "linearattention", "conv1d")
_EXPERTS_PER_TOKEN: Final = ("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "top_k")
_STACK: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer's kept bytes: for each token, for each pair of tokens, and whatever the batch.

    ``widest`` are the bytes a token takes in its widest inner tensor, ``unpacked`` those of its
    largest weight in half precision, ``sure`` is false where it has parts nobody counted.
    """

    token: float
    pair: float
    fixed: int
    widest: float
    unpacked: int
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """Bytes of a value: in the residual stream, inside a layer, in attention, in adapters' inputs.

    ``own_copy`` says that each adapter casts its input for itself, so that layers with the same
    input share nothing.
    """

    residual: int
    inner: int
    attention: int
    copy: int
    own_copy: bool


def widths(setup: Setup) -> Widths:
    """Return the bytes of the values that flow through a layer.

    Norms and embeddings that were turned to float32 make everything float32 that autocast does not
    turn back; bitsandbytes gives its output the type of its input.
    """
    base, adapter = setup.dtype_bytes or HALF, setup.adapter_bytes or SINGLE
    upcast = bool(setup.upcast) and setup.bits != 16  # noqa: PLR2004 - bits of a plain weight
    residual = SINGLE if upcast else base
    inner = HALF if setup.autocast and not upcast else residual
    if setup.autocast:
        own = residual != HALF or adapter != HALF
        return Widths(residual=residual, inner=inner, attention=HALF, copy=HALF, own_copy=own)
    own = residual != adapter
    return Widths(residual=residual, inner=inner, attention=inner, copy=adapter, own_copy=own)


def layer(modules: Iterable[Module], adapted: Mapping[str, Adapted], setup: Setup) -> Layer:
    """Count one layer from its modules; ``adapted`` are the model's adapters by name."""
    listed = list(modules)
    wide = widths(setup)
    heads = _heads(setup)
    token = sum(_norm(m, listed, wide, heads) for m in listed if _is_norm(m))
    token += _dropouts(listed, setup)
    pair, fixed, widest = 0.0, 0, 0.0
    for group in _groups(listed):
        counted = _Group(group, listed, setup, wide)
        share = _expert_share(group[0].name, listed, setup)
        token += share * (counted.between() + counted.inputs(adapted))
        widest = max(widest, counted.widest())
        pair += counted.scores(heads)
    for module in listed:
        more, own = _experts(module, adapted, setup, wide)
        token, fixed = token + more, fixed + own
        widest = max(widest, more / 2)
    fixed += _weight_copies(listed, adapted, setup)
    return Layer(
        token=token,
        pair=pair,
        fixed=fixed,
        widest=widest,
        unpacked=_largest(listed, setup),
        sure=not any(_is_uncounted(module) for module in listed),
    )


class _Group:
    """Linear layers with the same parent: an attention, an MLP, or a part of them."""

    def __init__(
        self, group: list[Module], layer: list[Module], setup: Setup, wide: Widths
    ) -> None:
        self._setup, self._wide = setup, wide
        self._closing = _closing(group, setup.hidden)
        self._opening = [module for module in group if module is not self._closing]
        parent = group[0].name.rpartition(".")[0]
        self._acts = [m.class_name for m in layer if m.name.rpartition(".")[0] == parent]
        self.attends = any(_QKV.search(module.leaf) for module in self._opening)
        self._all = group

    def between(self) -> float:
        """Return the bytes kept between the first and the last linear layer."""
        if not self._opening:
            return 0
        return self._attention() if self.attends else self._mlp()

    def _attention(self) -> float:
        """Queries, keys, values and output; keys and values repeated where a kernel needs that."""
        sizes = [_sides(module)[1] for module in self._opening]
        out = _sides(self._closing)[0] if self._closing is not None else max(sizes)
        if self._written_out():
            return 3.0 * out * self._wide.attention
        return float(sum(sizes) + out) * self._wide.attention

    def _written_out(self) -> bool:
        """Whether torch computes attention step by step, as transformers' eager mode does.

        No kernel of CUDA shares float32 keys and values among heads: ``enable_gqa`` goes with flash
        attention, which takes half precision only, and with the plain formula.
        """
        grouped = len({_sides(module)[1] for module in self._opening}) > 1
        plain = self._setup.attention in (None, "sdpa")
        return self._setup.attention == "eager" or (
            plain and grouped and self._wide.attention == SINGLE
        )

    def scores(self, heads: int) -> float:
        """Return the bytes of a pair of tokens: the scores of every head where they are kept.

        Eager attention keeps them in float32 and in the type of the values; torch's plain formula
        keeps them once, with the mask as float and as switch.
        """
        if not self.attends or not self._written_out():
            return 0
        if self._setup.attention == "eager":
            copies = SINGLE if self._wide.attention == SINGLE else SINGLE + HALF
            capped = self._setup.value("attn_logit_softcapping")
            return float(heads * (copies + (self._wide.attention if capped else 0)))
        return float(heads * SINGLE + SINGLE + 1)

    def _mlp(self) -> float:
        """Return the input of the activation, and the two factors where a gate multiplies."""
        sizes = [_sides(module)[1] for module in self._opening]
        inner = _sides(self._closing)[0] if self._closing is not None else 0
        gated = inner and sum(sizes) == 2 * inner
        python = any(name.startswith(_PYTHON_GELU) for name in self._acts)
        kept = sum(sizes) + (inner if gated else 0)
        return (kept * 4 if python and not gated else kept) * self._wide.inner

    def inputs(self, adapted: Mapping[str, Adapted]) -> float:
        """Return the bytes of what adapted layers keep: their input, and their narrow product."""
        hit = [module for module in self._all if module.name in adapted]
        own = self._wide.own_copy or self._setup.dropout > 0
        opened = [_sides(m)[0] for m in hit if m is not self._closing]
        kept = sum(opened) if own else max(opened, default=0)
        if self._closing in hit and (own or not self.attends):
            kept += _sides(self._closing)[0] if self._closing is not None else 0
        total = float(kept * self._wide.copy)
        total += sum(adapted[m.name].rank for m in hit) * self._wide.copy
        if self._setup.dropout > 0:
            total += sum(_sides(m)[0] for m in hit)
        if self._dora():
            total += sum(2 * _sides(m)[1] for m in hit) * self._wide.inner
        return total + self._in_8_bits()

    def _dora(self) -> bool:
        found = self._setup.resolution
        return found is not None and found.config.use_dora

    def _in_8_bits(self) -> float:
        """LLM.int8 keeps the input of every layer it packed."""
        if self._setup.bits != 8:  # noqa: PLR2004 - bits
            return 0
        packed = [m for m in self._all if is_packed(m, self._setup)]
        opened = [_sides(m)[0] for m in packed if m is not self._closing]
        last = _sides(self._closing)[0] if self._closing in packed and self._closing else 0
        return (max(opened, default=0) + last) * self._wide.inner

    def widest(self) -> float:
        """Return the bytes of a token in the widest tensor between the layers."""
        return float(max(_sides(module)[1] for module in self._all) * self._wide.inner)


def _groups(listed: list[Module]) -> list[list[Module]]:
    found: dict[str, list[Module]] = {}
    for module in listed:
        if module.kind in LINEAR and module.shape("weight") is not None:
            found.setdefault(module.name.rpartition(".")[0], []).append(module)
    return list(found.values())


def _closing(group: list[Module], hidden: int) -> Module | None:
    """Return the layer that leads back to the residual stream: the last one as wide as that."""
    last = next((m for m in reversed(group) if _sides(m)[1] == hidden), None)
    if last is None or _QKV.search(last.leaf):
        return None
    alone_and_inner = len(group) == 1 and _sides(last)[0] == hidden and "mlp" in last.name
    return None if alone_and_inner else last


def _sides(module: Module) -> tuple[int, int]:
    """Return the input and output size of a linear layer."""
    shape = module.shape("weight") or (0, 0)
    return (shape[1], shape[0]) if module.kind == "linear" else (shape[0], shape[1])


def _is_norm(module: Module) -> bool:
    return "norm" in module.class_name.lower() and module.shape("weight") is not None


def _norm(module: Module, listed: list[Module], wide: Widths, heads: int) -> float:
    """Return the input of a norm: in float32, as RMS norms compute and autocast makes layer norms.

    A norm of one head's queries or keys runs over all of them.
    """
    size = math.prod(module.shape("weight") or (0,))
    leaf = module.leaf
    if leaf.startswith(("q_", "k_", "query_", "key_")):
        name = leaf[0]
        made = [m for m in listed if m.kind in LINEAR and m.leaf.startswith(name)]
        size = max([size, *(_sides(m)[1] for m in made)]) if made else size * max(heads, 1)
    if module.class_name.startswith("Cohere"):  # subtracts the mean in Python, and keeps that, too
        return size * 2 * SINGLE
    native = module.class_name == "LayerNorm" and wide.copy != HALF
    return size * (wide.residual if native else SINGLE)


def _heads(setup: Setup) -> int:
    count = setup.value("num_attention_heads", "n_head", "n_heads", "num_heads")
    return count if isinstance(count, int) else 0


def _dropouts(listed: list[Module], setup: Setup) -> float:
    """Return the masks of the model's own dropout on the residual stream, a byte a value."""
    rates = [value for key, value in setup.config.items() if "drop" in key]
    if not any(isinstance(rate, float) and rate > 0 for rate in rates):
        return 0
    masks = [m for m in listed if m.class_name == "Dropout" and "attn_drop" not in m.leaf]
    return float(len(masks) * setup.hidden)


def _expert_share(name: str, listed: list[Module], setup: Setup) -> float:
    """Return which share of the tokens an expert that is a layer of its own sees."""
    if not _EXPERT.search(name):
        return 1
    count = len({m.name.rpartition(".")[0] for m in listed if _EXPERT.search(m.name)})
    return per_token(setup) / max(count, 1)


def per_token(setup: Setup) -> int:
    """Return how many experts work on a token; 2, as in the first such models, if not said."""
    chosen = setup.value(*_EXPERTS_PER_TOKEN)
    return chosen if isinstance(chosen, int) and not isinstance(chosen, bool) else 2


def _experts(
    module: Module, adapted: Mapping[str, Adapted], setup: Setup, wide: Widths
) -> tuple[float, int]:
    """Count fused experts: bytes of a token, and of the weights an adapter puts in their place."""
    stacks = [(own, shape) for own, shape in module.parameters if len(shape) == _STACK]
    if not stacks:
        return 0, 0
    hidden = setup.hidden or min(stacks[0][1][1:])
    inner = min(math.prod(shape[1:]) for _, shape in stacks) // hidden
    each = 3 * inner + hidden
    hit = [shape for own, shape in stacks if f"{module.name}.{own}" in adapted]
    fixed = sum(math.prod(shape) for shape in hit) * wide.inner
    if hit:
        each += hidden + inner
    if setup.autocast and setup.adapter_bytes == SINGLE:
        names = (f"{module.name}.{own}" for own, _ in stacks)
        fixed += sum(adapted[name].parameters for name in names if name in adapted) * HALF
    return float(per_token(setup) * each * wide.inner), fixed


def _weight_copies(listed: list[Module], adapted: Mapping[str, Adapted], setup: Setup) -> int:
    """Return copies of weights that are kept: autocast's of float32 ones, DoRA's unit matrix."""
    total = 0
    for module in listed:
        count = math.prod(module.shape("weight") or (0,))
        plain = module.kind in LINEAR and not is_packed(module, setup)
        if setup.autocast and plain and setup.dtype_bytes == SINGLE:
            total += count * HALF
        item = adapted.get(module.name)
        if item is None:
            continue
        if setup.autocast and setup.adapter_bytes == SINGLE:
            total += item.parameters * HALF
        if setup.resolution is not None and setup.resolution.config.use_dora:
            total += _sides(module)[0] ** 2 * HALF
    return total


def _largest(listed: list[Module], setup: Setup) -> int:
    packed = [m for m in listed if is_packed(m, setup)]
    sizes = [math.prod(module.shape("weight") or (0,)) for module in packed]
    return max(sizes, default=0) * HALF


def _is_uncounted(module: Module) -> bool:
    return any(word in module.class_name.lower() for word in _UNCOUNTED)
