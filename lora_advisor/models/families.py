"""Publishers' naming schemes that stand for one architecture each; they tell no sizes.

The types are those that transformers' own configuration classes and tests name for these
checkpoints. Names are regular expressions over what follows the publisher, in lower case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MIRRORS: Final = frozenset({"unsloth", "nousresearch"})
"""Publishers of copies under the same names."""
_REWRITTEN: Final = frozenset({"microsoft"})
"""Publishers whose models the mirrors turn into another architecture (Phi-3 into Mistral)."""
_UNNAMED: Final = ""
"""Models that the Hub lists without a publisher, too."""

_SIZE: Final = r"\d+(\.\d+)?b"
_QWEN3: Final = r"(-base|-instruct-2507|-thinking-2507)?"
_GATED: Final = {"feed_forward_proj": "gated-gelu"}
_RELU: Final = {"feed_forward_proj": "relu"}

_Family = tuple[str, str, "Mapping[str, Any]"]
_FAMILIES: Final[Mapping[str, tuple[_Family, ...]]] = {
    "01-ai": ((r"yi-(1\.5-)?\d+b(-chat)?", "llama", {}),),
    "allenai": ((rf"olmo-2-\d{{4}}-{_SIZE}(-instruct|-sft|-dpo)?", "olmo2", {}),),
    "baichuan-inc": ((r"baichuan2?-(7|13)b(-chat|-base)?", "baichuan", {}),),
    "bigcode": (
        (r"starcoder2-(3|7|15)b", "starcoder2", {}),
        (r"starcoder(base)?(-[137]b)?", "gpt_bigcode", {}),
    ),
    "bigscience": ((r"bloomz?(-\d+m|-\db\d|-3b)?", "bloom", {}),),
    "codellama": ((rf"codellama-{_SIZE}(-instruct|-python)?-hf", "llama", {}),),
    "databricks": ((r"dolly-v2-(3|7|12)b", "gpt_neox", {}),),
    "decapoda-research": ((r"llama-\d+b-hf", "llama", {}),),
    "deepseek-ai": (
        (r"deepseek-r1-distill-qwen-(1\.5|7|14|32)b", "qwen2", {}),
        (r"deepseek-r1-distill-llama-(8|70)b", "llama", {}),
        (r"deepseek-coder-(1\.3|6\.7|33)b-(base|instruct)", "llama", {}),
        (r"deepseek-llm-(7|67)b-(base|chat)", "llama", {}),
        (r"deepseek-math-7b-(base|instruct|rl)", "llama", {}),
    ),
    "distilbert": ((r"distilbert-base-(un)?cased", "distilbert", {}),),
    "eleutherai": (
        (r"pythia-[\d.]+[mb](-deduped)?", "gpt_neox", {}),
        (r"gpt-neox-20b", "gpt_neox", {}),
        (r"gpt-neo-(125m|1\.3b|2\.7b)", "gpt_neo", {}),
    ),
    "facebook": (
        (r"opt-(125m|350m|[\d.]+b)", "opt", {}),
        (r"bart-(base|large)(-cnn|-xsum|-mnli)?", "bart", {}),
        (r"nllb-200-(distilled-)?(600m|1\.3b|3\.3b)", "m2m_100", {}),
    ),
    "facebookai": (
        (r"roberta-(base|large)", "roberta", {}),
        (r"xlm-roberta-(base|large)", "xlm-roberta", {}),
    ),
    "google": (
        (r"gemma-(1\.1-)?[27]b(-it)?", "gemma", {}),
        (r"codegemma-(1\.1-)?[27]b(-it)?", "gemma", {}),
        (r"gemma-2-(2|9|27)b(-it)?", "gemma2", {}),
        (r"gemma-3-(1b|270m)(-it|-pt)?", "gemma3_text", {}),
        (r"gemma-3-(4|12|27)b-(it|pt)", "gemma3", {}),
        (r"gemma-3n-e[24]b(-it)?", "gemma3n", {}),
        (r"flan-t5-(small|base|large|xl|xxl)", "t5", _GATED),
        (r"t5-v1_1-(small|base|large|xl|xxl)", "t5", _GATED),
        (r"mt5-(small|base|large|xl|xxl)", "mt5", _GATED),
        (r"vit-(base|large)-patch(16|32)-(224|384)(-in21k)?", "vit", {}),
    ),
    "google-bert": ((r"bert-(base|large)-(un)?cased", "bert", {}),),
    "google-t5": ((r"t5-(small|base|large|3b|11b)", "t5", _RELU),),
    "huggingfaceh4": ((r"zephyr-7b-(alpha|beta)", "mistral", {}),),
    "huggingfacetb": (
        (rf"smollm2?-({_SIZE}|\d+m)(-instruct)?", "llama", {}),
        (r"smollm3-3b(-base)?", "smollm3", {}),
    ),
    "huggyllama": ((r"llama-\d+b", "llama", {}),),
    "ibm-granite": ((r"granite-3\.[0-3]-[28]b-(base|instruct)", "granite", {}),),
    "internlm": ((r"internlm2(_5)?-(chat-)?[\d_]+b(-chat)?(-sft)?", "internlm2", {}),),
    "lmsys": ((rf"vicuna-{_SIZE}-v1\.[35](-16k)?", "llama", {}),),
    "meta-llama": (
        (rf"llama-2-{_SIZE}(-chat)?-hf", "llama", {}),
        (rf"(meta-)?llama-3(\.[13])?-{_SIZE}(-instruct)?", "llama", {}),
        (r"llama-3\.2-[13]b(-instruct)?", "llama", {}),
        (r"llama-guard-3-[18]b", "llama", {}),
    ),
    "microsoft": (
        (r"phi-(1|1_5|2)", "phi", {}),
        (r"phi-3(\.5)?-(mini|medium)-\d+k-instruct", "phi3", {}),
        (r"phi-3\.5-mini-instruct", "phi3", {}),
        (r"phi-4(-mini-instruct|-reasoning|-reasoning-plus)?", "phi3", {}),
        (r"deberta-v3-(xsmall|small|base|large)", "deberta-v2", {}),
    ),
    "mistralai": (
        (rf"mistral-{_SIZE}-(instruct-)?v0\.[123]", "mistral", {}),
        (r"mixtral-8x(7|22)b-(instruct-)?v0\.1", "mixtral", {}),
        (r"mistral-nemo-(base|instruct)-2407", "mistral", {}),
        (r"mistral-small-24b-(base|instruct)-2501", "mistral", {}),
        (r"(mistral-small-instruct-2409|codestral-22b-v0\.1|mathstral-7b-v0\.1)", "mistral", {}),
        (r"mistral-small-3\.[12]-24b-(base|instruct)-250[36]", "mistral3", {}),
    ),
    "openai": ((r"whisper-(tiny|base|small|medium|large)(\.en|-v[23]|-v3-turbo)?", "whisper", {}),),
    "openai-community": ((r"gpt2(-medium|-large|-xl)?", "gpt2", {}),),
    "openlm-research": ((rf"open_llama_{_SIZE}(_v2)?", "llama", {}),),
    "qwen": (
        (rf"qwen(1\.5|2|2\.5)(-coder|-math)?-{_SIZE}(-instruct|-chat)?", "qwen2", {}),
        (rf"qwen3-{_SIZE}{_QWEN3}", "qwen3", {}),
        (rf"qwen3-{_SIZE}-a{_SIZE}{_QWEN3}", "qwen3_moe", {}),
        (rf"qwen2-vl-{_SIZE}(-instruct)?", "qwen2_vl", {}),
        (rf"qwen2\.5-vl-{_SIZE}-instruct", "qwen2_5_vl", {}),
        (rf"qwen3-vl-{_SIZE}-(instruct|thinking)", "qwen3_vl", {}),
        (r"(qwq-32b(-preview)?|codeqwen1\.5-7b(-chat)?)", "qwen2", {}),
        (rf"qwen-{_SIZE}(-chat)?(-int4|-int8)?", "qwen", {}),
    ),
    "teknium": ((r"openhermes-2(\.5)?-mistral-7b", "mistral", {}),),
    "thudm": (
        (r"chatglm[23]?-6b(-32k|-base)?", "chatglm", {}),
        (r"glm-4-(9b|32b)(-base)?-0414", "glm4", {}),
    ),
    "tiiuae": (
        (r"falcon-(7|40|180)b(-instruct|-chat)?", "falcon", {}),
        (r"falcon3-(1|3|7|10)b-(base|instruct)", "llama", {}),
    ),
    "tinyllama": ((r"tinyllama-1\.1b-.*|tinyllama_v1\.1", "llama", {}),),
    "upstage": ((r"solar-10\.7b-(instruct-)?v1\.0", "llama", {}),),
    "yahma": ((r"llama-\d+b-hf", "llama", {}),),
    "zai-org": (
        (r"chatglm[23]?-6b(-32k|-base)?", "chatglm", {}),
        (r"glm-4-(9b|32b)(-base)?-0414", "glm4", {}),
    ),
}
_ALSO_UNNAMED: Final = ("distilbert", "facebookai", "google-bert", "google-t5", "openai-community")


def family_of(name: str) -> dict[str, Any] | None:
    """Return what the config of a published model says for sure, None for no known family.

    ``name`` is an id on the Hub in lower case, without what says how it is stored.
    """
    publisher, _, last = name.rpartition("/")
    for names, model_type, fields in _schemes(publisher):
        if re.fullmatch(names, last):
            return {"model_type": model_type, **fields}
    return None


def mirrored(publisher: str, original: str) -> bool:
    """Whether a publisher's models are an original publisher's, or copies of them."""
    return publisher == original or (publisher in MIRRORS and original not in _REWRITTEN)


def _schemes(publisher: str) -> Iterator[_Family]:
    if publisher in _FAMILIES:
        yield from _FAMILIES[publisher]
    elif publisher == _UNNAMED:
        for original in _ALSO_UNNAMED:
            yield from _FAMILIES[original]
    elif publisher in MIRRORS:
        for original, families in _FAMILIES.items():
            if mirrored(publisher, original):
                yield from families
