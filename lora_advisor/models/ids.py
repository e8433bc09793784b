"""Published models by their ids on the Hub: those of the catalogue, mirrors, and families.

A family is a publisher's naming scheme that stands for one architecture; it gives names of modules,
no sizes.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models import catalogue
from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

_MIRRORS: Final = frozenset({"unsloth", "nousresearch"})
_STORED: Final = pattern(r"(-unsloth)?-bnb-4bit$")
_TUNED: Final = pattern(r"-(instruct|it|chat|base|pt)(?=-|$)")
_LETTERS: Final = pattern(r"[a-z0-9/_-]*(?![?*{])")
_SIZE: Final = r"\d+(\.\d+)?b"
_GATED: Final = {"feed_forward_proj": "gated-gelu"}
_FAMILIES: Final[tuple[tuple[str, str, Mapping[str, Any]], ...]] = (
    (rf"qwen/qwen(1\.5|2|2\.5)(-coder|-math)?-{_SIZE}(-instruct|-chat)?", "qwen2", {}),
    (rf"qwen/qwen3-{_SIZE}(-base|-instruct-2507|-thinking-2507)?", "qwen3", {}),
    (rf"qwen/qwen3-{_SIZE}-a{_SIZE}(-base|-instruct-2507|-thinking-2507)?", "qwen3_moe", {}),
    (rf"qwen/qwen2-vl-{_SIZE}(-instruct)?", "qwen2_vl", {}),
    (rf"qwen/qwen2\.5-vl-{_SIZE}-instruct", "qwen2_5_vl", {}),
    (rf"qwen/qwen3-vl-{_SIZE}-(instruct|thinking)", "qwen3_vl", {}),
    (rf"qwen/qwen-{_SIZE}(-chat)?(-int4|-int8)?", "qwen", {}),
    (rf"meta-llama/llama-2-{_SIZE}(-chat)?-hf", "llama", {}),
    (rf"meta-llama/(meta-)?llama-3(\.[13])?-{_SIZE}(-instruct)?", "llama", {}),
    (r"meta-llama/llama-3\.2-[13]b(-instruct)?", "llama", {}),
    (rf"codellama/codellama-{_SIZE}(-instruct|-python)?-hf", "llama", {}),
    (r"huggyllama/llama-\d+b", "llama", {}),
    (r"tinyllama/tinyllama-1\.1b-.*", "llama", {}),
    (rf"huggingfacetb/smollm2?-{_SIZE}(-instruct)?", "llama", {}),
    (r"huggingfacetb/smollm2?-\d+m(-instruct)?", "llama", {}),
    (rf"lmsys/vicuna-{_SIZE}-v1\.[35](-16k)?", "llama", {}),
    (rf"openlm-research/open_llama_{_SIZE}(_v2)?", "llama", {}),
    (r"01-ai/yi-(1\.5-)?\d+b(-chat)?", "llama", {}),
    (rf"mistralai/mistral-{_SIZE}-(instruct-)?v0\.[123]", "mistral", {}),
    (r"mistralai/mixtral-8x(7|22)b-(instruct-)?v0\.1", "mixtral", {}),
    (r"huggingfaceh4/zephyr-7b-(alpha|beta)", "mistral", {}),
    (r"google/gemma-(1\.1-)?[27]b(-it)?", "gemma", {}),
    (r"google/gemma-2-(2|9|27)b(-it)?", "gemma2", {}),
    (r"google/gemma-3-(1b|270m)(-it|-pt)?", "gemma3_text", {}),
    (r"google/gemma-3-(4|12|27)b-(it|pt)", "gemma3", {}),
    (r"google/flan-t5-(small|base|large|xl|xxl)", "t5", _GATED),
    (r"(google/)?t5-v1_1-(small|base|large|xl|xxl)", "t5", _GATED),
    (r"(google-t5/)?t5-(small|base|large|3b|11b)", "t5", {"feed_forward_proj": "relu"}),
    (r"google/mt5-(small|base|large|xl|xxl)", "mt5", _GATED),
    (r"microsoft/phi-(1|1_5|2)", "phi", {}),
    (r"microsoft/phi-3(\.5)?-(mini|medium)-\d+k-instruct", "phi3", {}),
    (r"microsoft/(phi-3\.5-mini-instruct|phi-4)", "phi3", {}),
    (r"tiiuae/falcon-(7|40|180)b(-instruct|-chat)?", "falcon", {}),
    (r"bigscience/bloomz?(-\d+m|-\db\d|-3b)?", "bloom", {}),
    (r"facebook/opt-(125m|350m|[\d.]+b)", "opt", {}),
    (r"eleutherai/(pythia-[\d.]+[mb](-deduped)?|gpt-neox-20b)", "gpt_neox", {}),
    (r"openai/whisper-(tiny|base|small|medium|large)(\.en|-v[23]|-v3-turbo)?", "whisper", {}),
    (r"(openai-community/)?gpt2(-medium|-large|-xl)?", "gpt2", {}),
    (r"(google-bert/)?bert-(base|large)-(un)?cased", "bert", {}),
    (r"(facebookai/)?roberta-(base|large)", "roberta", {}),
    (r"(thudm|zai-org)/chatglm[23]?-6b(-32k|-base)?", "chatglm", {}),
    (r"baichuan-inc/baichuan2?-(7|13)b(-chat|-base)?", "baichuan", {}),
    (r"internlm/internlm2(_5)?-(chat-)?[\d_]+b(-chat)?(-sft)?", "internlm2", {}),
)


@cache
def _known() -> dict[str, tuple[str, str]]:
    """Map ids in lower case to ids and model types."""
    return {name.lower(): (name, kind) for name, kind in catalogue.index()["ids"].items()}


@cache
def _by_last_name() -> dict[str, str]:
    """Map names without publisher and without what training left them with to ids."""
    return {_plain(name.partition("/")[2]): name for name in _known()}


def entry_of(name: str) -> tuple[dict[str, Any] | None, bool]:
    """Return the catalogue's model of an id, and whether it is that model, not a kin of its size.

    Kin are a publisher's base and instruct versions of one model, and the mirrors of both.
    """
    wanted = name.lower()
    if wanted in _known():
        return _entry(wanted), True
    publisher, _, last = wanted.partition("/")
    kin = _by_last_name().get(_plain(last))
    if kin is None or publisher not in {kin.partition("/")[0], *_MIRRORS}:
        return None, False
    return _entry(kin), False


def _entry(wanted: str) -> dict[str, Any]:
    name, kind = _known()[wanted]
    return next(entry for entry in catalogue.models(kind) if entry["id"] == name)


def family_of(name: str) -> dict[str, Any] | None:
    """Return what the config of a published model says for sure, None for no known family."""
    wanted = _STORED.sub("", name.lower())
    for names, model_type, fields in _FAMILIES:
        if wanted.startswith(_beginning(names)) and re.fullmatch(names, wanted):
            return {"model_type": model_type, **fields}
    return None


@cache
def _beginning(names: str) -> str:
    """Return the letters that every text of a regular expression begins with."""
    found = _LETTERS.match(names)
    return found[0] if found else ""


def _plain(last: str) -> str:
    return _TUNED.sub("", _STORED.sub("", last))
