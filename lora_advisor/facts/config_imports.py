"""Facts of what a script imports and the library in use has not, or has no longer.

Source: the names that peft, transformers and trl give out in their releases.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor import paths
from lora_advisor.facts._arguments import in_script
from lora_advisor.facts._memory import of_last_recipe
from lora_advisor.facts._releases import may_reach
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, Location
from lora_advisor.record import record, replace
from lora_advisor.source.tree import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets

_IMPORT: Final = pattern(
    r"^from (peft|transformers|trl) import (\([^)]*\)|(?:\\\n|[^\n#;])*)", re.MULTILINE
)
_IN_NOTEBOOK: Final = pattern(
    r"""(?<=[\[,\s])"from (peft|transformers|trl) import (\([^)]*\)|[^\n#;"\\]*)"""
)
"""The same in a notebook's own text, where each line is a text of JSON."""
_NAME: Final = re.compile(r"#[^\n]*|\bas\s+\w+|([A-Za-z_]\w*)")
_GONE: Final = {
    "peft": {"prepare_model_for_int8_training": ("0.10", "prepare_model_for_kbit_training")},
    "transformers": {
        "AdamW": ("4.50", "torch.optim.AdamW"),
        "AutoModelForVision2Seq": ("5", "AutoModelForImageTextToText"),
        "AutoModelWithLMHead": ("5", "AutoModelForCausalLM"),
    },
    "trl": {
        "setup_chat_format": ("0.26", "clone_chat_template"),
        "PPOv2Trainer": ("0.13", "PPOTrainer"),
        "PPOv2Config": ("0.13", "PPOConfig"),
        "PPOTrainer": ("0.29", ""),
        "PPOConfig": ("0.29", ""),
        "AutoModelForCausalLMWithValueHead": ("0.29", ""),
        **dict.fromkeys(("ORPOTrainer", "ORPOConfig"), ("0.29", "trl.experimental.orpo")),
        **dict.fromkeys(("CPOTrainer", "CPOConfig"), ("0.29", "trl.experimental.cpo")),
        **dict.fromkeys(("GKDTrainer", "GKDConfig"), ("0.29", "trl.experimental.gkd")),
    },
}
"""Names with the first release without them, and what takes their place."""
_NEW: Final = {
    "peft": {"prepare_model_for_kbit_training": "0.4"},
    "transformers": {"AutoModelForImageTextToText": "4.46"},
    "trl": {
        **dict.fromkeys(("SFTConfig", "DPOConfig"), "0.9.2"),
        **dict.fromkeys(("GRPOConfig", "GRPOTrainer"), "0.14"),
    },
}
"""Names with the release that they came with."""


@record
class Import(Item):
    """An imported name that the releases in use of ``package`` lack.

    The hint is what to import instead; ``release`` is the first one without it, or with it.
    """

    package: str
    release: str = ""
    sure: bool = True


def removed_imports(recipe: Recipe, targets: Targets) -> tuple[Import, ...]:
    """Names that a script imports and the newest release in use no longer has."""
    found = []
    for one in _imported(recipe):
        release, new = _GONE[one.package].get(one.path, ("", ""))
        if release and may_reach(one.package, release, targets):
            sure = targets.surely_hold({one.package: f">={release}"})
            found.append(replace(one, hint=new, release=release, sure=sure))
    return tuple(found)


def future_imports(recipe: Recipe, targets: Targets) -> tuple[Import, ...]:
    """Names that a script imports and that came after every release that is known to be in use."""
    found = []
    for one in _imported(recipe):
        release = _NEW[one.package].get(one.path, "")
        if release and targets.may_hold({one.package: f"<{release}"}):
            found.append(replace(one, release=release))
    return tuple(found)


@of_last_recipe
def _imported(recipe: Recipe) -> tuple[Import, ...]:
    """Return what a script imports from the libraries at its left margin."""
    return tuple(_imports(recipe))


def _imports(recipe: Recipe) -> Iterator[Import]:
    text = recipe.document.text
    imports = _IN_NOTEBOOK if recipe.document.path.endswith(".ipynb") else _IMPORT
    for line in imports.finditer(text) if in_script(recipe) else ():
        if _quoted(text, line.start()) or _has_copy(recipe, line[1]):
            continue
        for word in _NAME.finditer(line[2]):
            if word[1]:
                start = line.start(2) + word.start()
                at = Location(
                    document=recipe.document, span=Span(start=start, end=start + len(word[1]))
                )
                yield Import(path=word[1], at=at, value=word[1], package=line[1])


def _quoted(text: str, place: int) -> bool:
    """Whether a place stands in a text of several lines, such as a docstring's example."""
    return any(text.count(quotes, 0, place) % 2 for quotes in ('"""', "'''"))


def _has_copy(recipe: Recipe, package: str) -> bool:
    """Whether a script takes a library from a copy of its own: beside it, or on its path."""
    beside = paths.absolute(recipe.document.path).parent / package / "__init__.py"
    told = rf"sys\.path\.\w+\([^\n]*\b{package}\b"
    text = recipe.document.text
    return ("sys.path" in text and re.search(told, text) is not None) or beside.is_file()
