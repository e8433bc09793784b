"""The memory estimate against real models: bytes of a real step, tensors autograd really keeps."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
bitsandbytes = pytest.importorskip("bitsandbytes")
import peft  # noqa: E402
import transformers  # noqa: E402
from catalogue_tree import Forest, describe  # noqa: E402

from lora_advisor.models import catalogue  # noqa: E402
from lora_advisor.models.adapter import AdapterConfig  # noqa: E402
from lora_advisor.models.memory_activations import kept  # noqa: E402
from lora_advisor.models.memory_setup import Setup  # noqa: E402
from lora_advisor.models.memory_training import state_bytes  # noqa: E402
from lora_advisor.models.memory_weights import base_bytes  # noqa: E402
from lora_advisor.models.resolve import resolve  # noqa: E402
from lora_advisor.models.table import ModuleTable  # noqa: E402

pytestmark = [
    pytest.mark.proof,
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore:The following .*_pattern keys:RuntimeWarning"
    ),
]
TOKENS = 128
SIZES: dict[str, Any] = {
    "vocab_size": 128,
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
EXPERTS: dict[str, Any] = {"moe_intermediate_size": 192, "num_experts": 8, "num_experts_per_tok": 2}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": SIZES,
    "qwen2": SIZES,
    "qwen3": {**SIZES, "head_dim": 64},
    "gemma3_text": {**SIZES, "head_dim": 64},
    "phi3": {**SIZES, "pad_token_id": 0},
    "olmo2": SIZES,
    "granite": SIZES,
    "starcoder2": {**SIZES, "residual_dropout": 0.0, "embedding_dropout": 0.0},
    "qwen3_moe": {**SIZES, **EXPERTS, "head_dim": 64},
    "mixtral": {**SIZES, "num_local_experts": 4},
}


def build(kind: str, layers: int, **changes: Any) -> Any:
    config = transformers.AutoConfig.for_model(
        kind, **{**FAMILIES[kind], "num_hidden_layers": layers, **changes}
    )
    return transformers.AutoModelForCausalLM.from_config(config)


def table_of(model: Any) -> ModuleTable:
    """Write a real model down as the catalogue would."""
    forest = Forest()
    told = describe(model, forest)
    content = {"nodes": forest.nodes, "classes": forest.class_names(), "transformers": "5"}
    shared = dict(told["shared"])
    return ModuleTable(
        modules=tuple(catalogue._walk(content, told["root"], shared)),
        model_type=told["type"],
        auto_class="AutoModelForCausalLM",
        source="test",
        input_embedding=told["input"],
        output_embedding=told["output"],
        tie_word_embeddings=bool(told["tie"]),
        tied_modules=tuple(told["tied"]),
        shared_modules=shared,
        shared_parameters=dict(told["ties"]),
    )


def adapted(model: Any, targets: Any, rank: int = 8) -> tuple[Any, Setup]:
    """Return a model with adapters, ready to train, and what the estimate knows of it."""
    table = table_of(model)
    names = targets if isinstance(targets, str) else tuple(targets)
    resolution = resolve(AdapterConfig(r=rank, target_modules=names), table)
    setup = Setup(
        table=table,
        config=model.config.to_dict(),
        resolution=resolution,
        length=TOKENS,
        attention="flash_attention_2",  # what CPU does: a kernel that keeps no scores
    )
    for parameter in model.parameters():
        parameter.requires_grad_(requires_grad=False)
    wrapped = peft.get_peft_model(model, peft.LoraConfig(r=rank, target_modules=targets))
    wrapped.enable_input_require_grads()
    return wrapped.train(), setup


def kept_for_backward(model: Any, *, autocast: bool) -> int:
    """Count the bytes of every storage that one forward pass keeps, parameters left out."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    alive: list[Any] = []
    sizes: dict[int, int] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own and storage.data_ptr() not in sizes:
            alive.append(tensor)
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.ones(1, TOKENS, dtype=torch.long)
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        model(input_ids=ids)
    return sum(sizes.values())


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize(("dtype", "autocast"), [("bfloat16", True), ("bfloat16", False)])
def test_layers_keep_what_autograd_keeps(kind: str, dtype: str, autocast: bool) -> None:
    if kind == "starcoder2" and autocast:
        pytest.skip("CPU's autocast leaves layer norms in half precision, CUDA's does not")
    real, ours = [], []
    for layers in (2, 4):
        model, setup = adapted(build(kind, layers).to(getattr(torch, dtype)), "all-linear")
        real.append(kept_for_backward(model, autocast=autocast))
        ours.append(kept(replace(setup, autocast=autocast)).held)
    measured, estimated = real[1] - real[0], ours[1] - ours[0]
    assert estimated == pytest.approx(measured, rel=0.07)


def test_few_targets_keep_less() -> None:
    model, setup = adapted(build("llama", 4).bfloat16(), ["q_proj", "v_proj"])
    real = kept_for_backward(model, autocast=True)
    assert kept(setup).held == pytest.approx(real, rel=0.03)


@pytest.mark.parametrize("name", ["adamw_torch", "adafactor", "adamw_8bit", "lion_8bit"])
def test_optimizer_states_of_a_real_step(name: str) -> None:
    model, setup = adapted(build("llama", 2), ["q_proj", "down_proj"], rank=16)
    trained = [p for p in model.parameters() if p.requires_grad]
    made = {
        "adamw_torch": lambda: torch.optim.AdamW(trained),
        "adafactor": lambda: transformers.Adafactor(trained),
        "adamw_8bit": lambda: bitsandbytes.optim.AdamW8bit(trained),
        "lion_8bit": lambda: bitsandbytes.optim.Lion8bit(trained),
    }
    optimizer = made[name]()
    model(input_ids=torch.ones(1, 8, dtype=torch.long)).logits.sum().backward()
    assert sum(p.grad.nbytes for p in trained) == setup.resolution.trainable * 4  # type: ignore[union-attr]
    optimizer.step()
    real = sum(
        value.nbytes
        for state in optimizer.state.values()
        for key, value in state.items()
        if torch.is_tensor(value) and value.dim() and not key.startswith("qmap")
    )
    assert state_bytes(replace(setup, optimizer=name)) == real


@pytest.mark.parametrize("double_quant", [True, False])
def test_packed_weights_take_what_is_said(double_quant: bool) -> None:
    """Also: experts, router, embeddings and the head stay unpacked in 16 bits."""
    with tempfile.TemporaryDirectory() as folder:
        build("qwen3_moe", 2).bfloat16().save_pretrained(folder)
        plain = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        quantiser = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=double_quant
        )
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, quantization_config=quantiser, device_map="cpu"
        )
    experts = model.model.layers[0].mlp.experts
    assert experts.gate_up_proj.dtype == torch.bfloat16
    setup = Setup(table=table_of(plain), bits=4, double_quant=double_quant)
    assert base_bytes(setup) == sum(_bytes(p) for p in model.parameters())


def _bytes(parameter: Any) -> int:
    state = getattr(parameter, "quant_state", None)
    total: int = parameter.nbytes
    if state is None:
        return total
    parts = [state.absmax, state.code]
    if state.nested:
        parts += [state.state2.absmax, state.state2.code, state.offset]
    return total + sum(part.nbytes for part in parts)
