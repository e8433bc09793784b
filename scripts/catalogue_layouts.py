"""Layouts of common model types that no published config at hand has, as bare configs.

Where one type is made of other parts, such as another text model or experts instead of a plain
MLP, its template is another; sizes are the library's defaults unless they decide the layout.
"""

from __future__ import annotations

from typing import Any, Final


def _of(
    kind: str, text: str | dict[str, Any], vision: str | None = None, **more: Any
) -> dict[str, Any]:
    sections = {"text_config": {"model_type": text} if isinstance(text, str) else text}
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


def _gemma4(**more: Any) -> dict[str, Any]:
    kinds = ["sliding_attention", "full_attention"] * 3
    common = {"num_hidden_layers": 6, "layer_types": kinds, "global_head_dim": 512}
    return {"model_type": "gemma4_text", **common, **more}


_GEMMA4: Final = (
    _gemma4(num_kv_shared_layers=2),
    _gemma4(attention_k_eq_v=True, num_global_key_value_heads=2, hidden_size_per_layer_input=0),
    _gemma4(attention_k_eq_v=True, num_global_key_value_heads=2, hidden_size_per_layer_input=0,
            enable_moe_block=True, num_experts=8, top_k_experts=2, moe_intermediate_size=704),
)  # fmt: skip
"""The text models of Gemma 4: small ones share keys and values, large ones have them alike."""
_HEADED: Final = {
    "wav2vec2": ("Wav2Vec2ForCTC", "Wav2Vec2ForSequenceClassification"),
    "hubert": ("HubertForCTC", "HubertForSequenceClassification"),
    "wavlm": ("WavLMForCTC", "WavLMForSequenceClassification"),
    "wav2vec2-bert": ("Wav2Vec2BertForCTC", "Wav2Vec2BertModel"),
    "audio-spectrogram-transformer": ("ASTForAudioClassification",),
    "vit": ("ViTModel",),
    "dinov2": ("Dinov2Model", "Dinov2ForImageClassification"),
    "dinov3_vit": ("DINOv3ViTModel",),
    "deit": ("DeiTForImageClassification",),
    "beit": ("BeitForImageClassification",),
    "swin": ("SwinForImageClassification",),
    "swinv2": ("Swinv2ForImageClassification",),
    "convnext": ("ConvNextForImageClassification",),
    "vit_mae": ("ViTMAEForPreTraining",),
    "videomae": ("VideoMAEForVideoClassification",),
    "segformer": ("SegformerForSemanticSegmentation", "SegformerForImageClassification"),
    "sam": ("SamModel",),
    "sam2": ("Sam2Model",),
    "siglip": ("SiglipModel",),
    "siglip2": ("Siglip2Model",),
    "clap": ("ClapModel",),
}
"""Types whose published configs name a class that no task of a LoRA stands for."""
_LFM2_MOE: Final = ["conv", "conv", "full_attention", "conv", "conv", "full_attention"]
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
    {"model_type": "mamba", "hidden_size": 768, "num_hidden_layers": 4, "time_step_rank": 48},
    {"model_type": "mamba", "hidden_size": 768, "num_hidden_layers": 4, "time_step_rank": 48,
     "intermediate_size": 1536},
    {"model_type": "jamba", "mamba_dt_rank": 256},
    {"model_type": "ernie4_5_moe", "num_hidden_layers": 4, "moe_layer_end_index": 3},
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
    {"model_type": "lfm2_moe", "num_hidden_layers": 6, "layer_types": _LFM2_MOE},
    {"model_type": "qwen3_5_moe_text"},
    *_GEMMA4,
    {"model_type": "gemma3n_text", "num_hidden_layers": 6, "num_kv_shared_layers": 2,
     "layer_types": ["sliding_attention", "full_attention"] * 3,
     "intermediate_size": [8192] * 6, "activation_sparsity_pattern": [0.95] * 3 + [0.0] * 3},
    *(_of("gemma4", text, audio_config=None) for text in _GEMMA4),
    _of("gemma4", _GEMMA4[0], audio_config={"model_type": "gemma4_audio"}),
    *(
        {"model_type": kind, "architectures": [name]}
        for kind, names in _HEADED.items()
        for name in names
    ),
    {"model_type": "nemotron", "hidden_size": 3072, "intermediate_size": 9216,
     "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128},
    {"model_type": "dots1", "n_routed_experts": 128, "n_shared_experts": 2,
     "num_experts_per_tok": 6, "first_k_dense_replace": 1, "attention_bias": False},
    {"model_type": "hunyuan_v1_dense", "head_dim": 128, "num_key_value_heads": 8},
    {"model_type": "hunyuan_v1_moe", "head_dim": 128, "num_key_value_heads": 8,
     "num_experts": 64},
    {"model_type": "ministral", "head_dim": 128},
    {"model_type": "gpt_neo", "num_layers": 4, "attention_types": [[["global", "local"], 2]]},
)  # fmt: skip
