"""Facts of kohya's scripts: rates of the parts, half precision throughout, cached texts.

Source: sd-scripts of February 2026, ``train_network.py`` and ``docs/train_network*.md``;
``assert_extra_args`` of the scripts of each model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._arguments import item, tells_more
from lora_advisor.facts.lora import scaling
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.pattern import pattern
from lora_advisor.source.scalars import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lora_advisor.recipe import Item, Lora, Recipe, Run, WrittenKey
    from lora_advisor.targets import Targets

_RATES: Final = ("unet_lr", "learning_rate", "text_encoder_lr", "text_encoder_lr1")
_HIGHEST: Final = 2e-3
"""Twice the highest rate that the scripts' own guide names, and that for an alpha of 1."""
_RATE_PER_SCALING: Final = 0.6
_FULL: Final = {"full_fp16": "fp16", "full_bf16": "bf16"}
_WITH_NETWORK: Final = {
    "train_db.py": "train_network.py",
    "fine_tune.py": "train_network.py",
    "sdxl_train.py": "sdxl_train_network.py",
    "sd3_train.py": "sd3_train_network.py",
    "flux_train.py": "flux_train_network.py",
    "lumina_train.py": "lumina_train_network.py",
    "anima_train.py": "anima_train_network.py",
}
"""Scripts that train every weight, and those that train a LoRA of the same model."""
_CACHE: Final = ("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk")
_VARIES_CAPTIONS: Final = (
    *("shuffle_caption", "token_warmup_step"),
    *("caption_tag_dropout_rate", "caption_dropout_rate"),
)
_ELSEWHERE: Final = frozenset({"config_file", "dataset_config"})
"""Settings that name a file, in which others of these settings can stand."""
_ANIMA: Final = "networks.lora_anima"
_LUMINA: Final = "networks.lora_lumina"
_OF_SDXL: Final = frozenset(
    {"networks.lora", "networks.lora_fa", "networks.dylora", "networks.oft"}
)
"""Networks of Stable Diffusion; of its two scripts only that for XL keeps texts."""
_SPARES_VAE: Final = ("no_half_vae", "sdxl_no_half_vae", "vae")
_XL: Final = pattern(r"stable-diffusion-xl|\bsd_?xl", re.IGNORECASE)
_PUBLISHED: Final = pattern(r"(?:stable-diffusion-xl|\bsd_xl)[-_]base(?!.*vae)", re.IGNORECASE)


def ruinous_rates(recipe: Recipe, lora: Lora, targets: Targets) -> tuple[Item, ...]:
    """Rates of the network or of a text encoder beyond all that the scripts' guide names."""
    factor = min(scaling(lora, recipe, targets), 1.0) ** _RATE_PER_SCALING
    found = [(key, rate) for key, rate in _values(recipe, "float") if key.name in _RATES]
    return tuple(
        item(key, rate)
        for key, rate in found
        if isinstance(rate, (int, float)) and rate * factor >= _HIGHEST
    )


def full_without_mixed(recipe: Recipe, run: Run) -> tuple[Item, ...]:
    """``full_fp16`` or ``full_bf16`` beside another mixed precision; the hint is the one asked."""
    return tuple(
        item(key, run.mixed_precision, _FULL[key.name])
        for key, on in _values(recipe, "bool")
        if key.name in _FULL and on is True and run.mixed_precision != _FULL[key.name]
    )


def network_in_full_script(recipe: Recipe) -> tuple[Item, ...]:
    """A network asked of a script that trains the whole model; the hint is the one that has it."""
    script = recipe.evidence.removeprefix("runs ")
    if recipe.document.format != "shell" or script not in _WITH_NETWORK:
        return ()
    return tuple(
        item(key, script, _WITH_NETWORK[script])
        for key, _ in _values(recipe, "bool")
        if key.name == "network_module"
    )


def captions_beside_cache(recipe: Recipe) -> tuple[Item, ...]:
    """What would vary captions whose encoding is computed once and kept."""
    written = _settings(recipe)
    network = written.get("network_module")
    if _ELSEWHERE & set(written) or not _caches(written) or network == _LUMINA:
        return ()
    return tuple(
        item(key, value)
        for key, value in _values(recipe, "float")
        if key.name in _VARIES_CAPTIONS and isinstance(value, (bool, int, float)) and value > 0
        if not (key.name == "caption_dropout_rate" and network == _ANIMA)
    )


def text_encoder_beside_cache(recipe: Recipe) -> tuple[Item, ...]:
    """The cache of texts in a script that then trains no text encoder, where it is not told so."""
    written = _settings(recipe)
    network = str(written.get("network_module"))
    for_xl = recipe.evidence.endswith("sdxl_train_network.py")
    if tells_more(recipe) or written.get("network_train_unet_only") is True:
        return ()
    if not (for_xl or network == _ANIMA or network in _OF_SDXL):
        return ()
    return tuple(
        item(key, on) for key, on in _values(recipe, "bool") if key.name in _CACHE and on is True
    )[:1]


def half_autoencoder(recipe: Recipe) -> tuple[Item, ...]:
    """The float16 of a training of Stable Diffusion XL that the autoencoder computes in too.

    The hint is the switch that spares it, the value whether the base has the autoencoder it was
    published with; others can have one made for float16.
    Source: ``docs/train_network_advanced.md``.
    """
    written = _settings(recipe)
    spared = any(written.get(name) not in (None, False, "") for name in _SPARES_VAE)
    if spared or tells_more(recipe) or not _is_xl(recipe, written):
        return ()
    switch = "sdxl_no_half_vae" if "LoRA_type" in written else "no_half_vae"
    original = _PUBLISHED.search(str(written.get("pretrained_model_name_or_path"))) is not None
    return tuple(
        item(key, original, switch)
        for key, value in _values(recipe, "str")
        if key.name == "mixed_precision" and value == "fp16"
    )


def _is_xl(recipe: Recipe, written: Mapping[str, object]) -> bool:
    """Whether it is XL that is trained, by the script, the GUI's switch or the base's name."""
    if recipe.document.format == "shell":
        return recipe.evidence.endswith("sdxl_train_network.py")
    named = _XL.search(str(written.get("pretrained_model_name_or_path"))) is not None
    return written.get("sdxl", named) is True


def _caches(written: Mapping[str, object]) -> bool:
    return any(written.get(name) is True for name in _CACHE)


def _settings(recipe: Recipe) -> dict[str, object]:
    """Return the settings of a file or command of kohya's by name, switches as such."""
    return {key.name: value for key, value in _values(recipe, "bool")}


def _values(recipe: Recipe, kind: str) -> Iterator[tuple[WrittenKey, Any]]:
    """Yield every key of a file of kohya's with its value, text cast to a kind."""
    framework = by_name(recipe.framework)
    if framework is None or framework.name != "kohya":
        return
    for key in recipe.keys:
        yield key, cast_to(kind, plain_value(key.node, framework.scalars))
