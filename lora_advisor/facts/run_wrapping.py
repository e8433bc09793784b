"""Facts of the layers that FSDP is told to wrap.

Source: ``accelerate.utils.dataclasses``, where a class that the model has no module of stops the
run, and ``_no_split_modules`` of transformers' models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._arguments import arguments, value
from lora_advisor.facts.model_modules import architecture
from lora_advisor.recipe import Item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Location, Recipe

LAYERS: Final = {
    "bloom": "BloomBlock",
    "cohere": "CohereDecoderLayer",
    "deepseek_v2": "DeepseekV2DecoderLayer",
    "deepseek_v3": "DeepseekV3DecoderLayer",
    "falcon": "FalconDecoderLayer",
    "gemma": "GemmaDecoderLayer",
    "gemma2": "Gemma2DecoderLayer",
    "gemma3": "Gemma3DecoderLayer",
    "gemma3_text": "Gemma3DecoderLayer",
    "glm4": "Glm4DecoderLayer",
    "gpt2": "GPT2Block",
    "gpt_bigcode": "GPTBigCodeBlock",
    "gpt_neo": "GPTNeoBlock",
    "gpt_neox": "GPTNeoXLayer",
    "gpt_oss": "GptOssDecoderLayer",
    "gptj": "GPTJBlock",
    "granite": "GraniteDecoderLayer",
    "llama": "LlamaDecoderLayer",
    "mistral": "MistralDecoderLayer",
    "mixtral": "MixtralDecoderLayer",
    "mpt": "MptBlock",
    "olmo": "OlmoDecoderLayer",
    "olmo2": "Olmo2DecoderLayer",
    "opt": "OPTDecoderLayer",
    "phi": "PhiDecoderLayer",
    "phi3": "Phi3DecoderLayer",
    "qwen2": "Qwen2DecoderLayer",
    "qwen2_5_vl": "Qwen2_5_VLDecoderLayer",
    "qwen2_moe": "Qwen2MoeDecoderLayer",
    "qwen2_vl": "Qwen2VLDecoderLayer",
    "qwen3": "Qwen3DecoderLayer",
    "qwen3_moe": "Qwen3MoeDecoderLayer",
    "smollm3": "SmolLM3DecoderLayer",
    "stablelm": "StableLmDecoderLayer",
    "starcoder2": "Starcoder2DecoderLayer",
    "t5": "T5Block",
}
"""The decoder layers of families whose models are not put together of other families'."""
_FORMER: Final = "LLaMADecoderLayer"
"""A name from before Llama's code was merged into transformers, which no release has."""
_NAME: Final = "transformer_layer_cls_to_wrap"
_FLAG: Final = f"fsdp_{_NAME}"
_BY_LAYER: Final = (None, "TRANSFORMER_BASED_WRAP")


def foreign_layers(recipe: Recipe, modules: Lookup) -> tuple[Item, ...]:
    """Layer classes to wrap that are another family's; the hint is the class of the base model."""
    named = [*_in_flags(recipe), *_in_block(recipe)]
    others = {_FORMER, *LAYERS.values()}
    suspects = [one for one in named if one[1] in others]
    own = LAYERS.get(architecture(recipe, modules)) if suspects else None
    return tuple(
        Item(path=path, at=at, value=name, hint=own)
        for path, name, at in suspects
        if own is not None and name != own
    )


def _in_flags(recipe: Recipe) -> Iterator[tuple[str, str, Location]]:
    """Yield what transformers' older argument names, where it is asked to wrap layers."""
    words = [str(value(recipe, key)) for key in arguments(recipe, "fsdp")]
    if any("auto_wrap" in word for word in words):
        for key in arguments(recipe, _FLAG):
            for name in _names(value(recipe, key)):
                yield key.path, name, key.key_at


def _in_block(recipe: Recipe) -> Iterator[tuple[str, str, Location]]:
    """Yield what the ``fsdp_config`` block names, the file's own or that of its launch."""
    block = recipe["run.fsdp_config"]
    if recipe["run.fsdp"].value is not True or not isinstance(block.value, dict):
        return
    given = {str(name).removeprefix("fsdp_"): name for name in block.value}
    policy = block.value.get(given.get("auto_wrap_policy"))
    own = given.get(_NAME)
    if own is None or policy not in _BY_LAYER or block.key_at is None:
        return
    path = f"{block.key}.{own}"
    at = next((key.key_at for key in recipe.keys if key.path == path), block.key_at)
    for name in _names(block.value[own]):
        yield path, name, at


def _names(written: Any) -> list[str]:
    texts = written if isinstance(written, list) else str(written).split(",")
    return [text.strip() for text in texts if isinstance(text, str)]
