"""Layer names of models whose code lies beside their weights, as that code writes them.

Only architectures that transformers itself does not have. Source: the ``modeling_*.py`` of each
repository on the Hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_GLM: Final = "transformer.encoder.layers.0."
_LLAMA: Final = "model.layers.0."
_LLADA: Final = "model.transformer.blocks.0."
_QWEN: Final = "transformer.h.0."

LINEAR_LAYERS: Final[Mapping[str, tuple[str, ...]]] = {
    "chatglm": (
        f"{_GLM}self_attention.query_key_value",
        f"{_GLM}self_attention.dense",
        f"{_GLM}mlp.dense_h_to_4h",
        f"{_GLM}mlp.dense_4h_to_h",
        "transformer.output_layer",
    ),
    "baichuan": (
        f"{_LLAMA}self_attn.W_pack",
        f"{_LLAMA}self_attn.o_proj",
        f"{_LLAMA}mlp.gate_proj",
        f"{_LLAMA}mlp.up_proj",
        f"{_LLAMA}mlp.down_proj",
        "lm_head",
    ),
    "qwen": (
        f"{_QWEN}attn.c_attn",
        f"{_QWEN}attn.c_proj",
        f"{_QWEN}mlp.w1",
        f"{_QWEN}mlp.w2",
        f"{_QWEN}mlp.c_proj",
        "lm_head",
    ),
    "internlm2": (
        f"{_LLAMA}attention.wqkv",
        f"{_LLAMA}attention.wo",
        f"{_LLAMA}feed_forward.w1",
        f"{_LLAMA}feed_forward.w2",
        f"{_LLAMA}feed_forward.w3",
        "output",
    ),
    "phi3small": (
        f"{_LLAMA}self_attn.query_key_value",
        f"{_LLAMA}self_attn.dense",
        f"{_LLAMA}mlp.up_proj",
        f"{_LLAMA}mlp.down_proj",
        "lm_head",
    ),
    "llada": (
        f"{_LLADA}q_proj",
        f"{_LLADA}k_proj",
        f"{_LLADA}v_proj",
        f"{_LLADA}attn_out",
        f"{_LLADA}ff_proj",
        f"{_LLADA}up_proj",
        f"{_LLADA}ff_out",
    ),
}
"""Linear layers of the first block by model type; ``complete`` tables they are not."""
EMBEDDINGS: Final[Mapping[str, str]] = {
    "chatglm": "transformer.embedding.word_embeddings",
    "baichuan": "model.embed_tokens",
    "qwen": "transformer.wte",
    "internlm2": "model.tok_embeddings",
    "phi3small": "model.embed_tokens",
    "llada": "model.transformer.wte",
}
