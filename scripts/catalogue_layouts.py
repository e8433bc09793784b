"""Layouts of common model types that no published config at hand has, as bare configs.

Where one type is made of other parts, such as another text model or experts instead of a plain
MLP, its template is another; sizes are the library's defaults unless they decide the layout.
"""

from __future__ import annotations

from typing import Any, Final


def _of(kind: str, text: str, vision: str | None = None, **more: Any) -> dict[str, Any]:
    sections = {"text_config": {"model_type": text}}
    if vision is not None:
        sections["vision_config"] = {"model_type": vision}
    return {"model_type": kind, **sections, **more}


_OLD_FALCON: Final = {
    "model_type": "falcon",
    "hidden_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "new_decoder_architecture": False,
}
LAYOUTS: Final[tuple[dict[str, Any], ...]] = (
    {**_OLD_FALCON, "multi_query": True, "parallel_attn": True, "bias": False, "alibi": False},
    {**_OLD_FALCON, "multi_query": False, "parallel_attn": False, "bias": True, "alibi": True},
    _of("llava", "mistral", "clip_vision_model"),
    _of("llava", "mistral", "pixtral"),
    _of("llava_next", "mistral", "clip_vision_model"),
    _of("paligemma", "gemma2", "siglip_vision_model"),
    _of("llava_onevision", "qwen2", "siglip_vision_model"),
    _of("internvl", "qwen2", "internvl_vision"),
    _of("internvl", "qwen3", "internvl_vision"),
    _of("internvl", "llama", "internvl_vision"),
    _of("mistral3", "mistral", "pixtral"),
    {"model_type": "longt5", "feed_forward_proj": "gated-gelu",
     "encoder_attention_type": "transient-global"},
    {"model_type": "granitemoehybrid", "num_local_experts": 0, "mamba_n_heads": 32,
     "mamba_d_head": 64, "hidden_size": 1024, "num_attention_heads": 16},
    {"model_type": "falcon_h1", "hidden_size": 1024, "mamba_d_ssm": 1536, "mamba_n_heads": 24,
     "mamba_d_head": 64, "num_attention_heads": 8, "num_key_value_heads": 2},
    {"model_type": "mamba", "hidden_size": 768, "num_hidden_layers": 4},
    {"model_type": "bloom", "hidden_size": 1024, "n_layer": 4, "n_head": 16},
    {"model_type": "deberta-v2", "hidden_size": 768, "intermediate_size": 3072,
     "num_hidden_layers": 4, "num_attention_heads": 12, "relative_attention": True,
     "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": True,
     "pos_att_type": "p2c|c2p", "position_biased_input": False, "type_vocab_size": 0,
     "pooler_hidden_size": 768},
    {"model_type": "marian", "decoder_vocab_size": 58101},
    {"model_type": "opt", "do_layer_norm_before": False, "word_embed_proj_dim": 512,
     "hidden_size": 1024},
    {"model_type": "wav2vec2", "do_stable_layer_norm": True, "feat_extract_norm": "layer",
     "conv_bias": True},
)  # fmt: skip
