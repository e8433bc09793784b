"""Facts of the keys of a file that its loader does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts import _project
from lora_advisor.facts._arguments import reader_of, runs_sd_script
from lora_advisor.facts._memory import of_last_recipe
from lora_advisor.facts.config_versions import reader_stops
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.known import (
    nearest_living,
    outcome_of,
    parent_of,
    placed_keys,
    spellings,
)
from lora_advisor.recipe import Item
from lora_advisor.record import record, replace
from lora_advisor.source.scalars import is_placeholder
from lora_advisor.source.shell import COMMAND
from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.frameworks.schemas import Keys
    from lora_advisor.recipe import Recipe, WrittenKey
    from lora_advisor.targets import Targets

_OTHERS: Final = ("axolotl", "llamafactory", "trl", "peft")
"""Formats whose keys users carry over."""
_PEFT: Final = "PEFT"
_TRL_DATA: Final = frozenset(
    {"dataset_name", "datasets", "dataset_mixer", "dataset_mixture", "dataset_config"}
)
_LLAMAFACTORY_SCRIPTS: Final = frozenset({"train_bash.py", "train.py", "cli.py", "launcher.py"})
"""What started LLaMA-Factory before it had a command, and what its command starts."""
_SCRIPTS: Final = ("kohya", "diffusers", "openrlhf")
"""Scripts that people copy and give further flags."""
_TRIED_ON_VLLM: Final = frozenset(
    {"lora", "lora_path", "lora_paths", "lora_dir", "lora_name", "lora_adapter", "lora_adapters"}
    | {"lora_module", "lora_rank", "lora_r", "lora_alpha", "lora_weights"}
)
"""Flags of other servers and trainers, which vLLM has never had."""
_EXACT: Final = (*_SCRIPTS, "litgpt", "mlx-lm")
"""Formats of which every flag on a command line is known, and any other stops it."""
_TOO_MANY: Final = 3
"""So many keys that the loader refuses make a file one for another program."""
_OF_AXOLOTL: Final = re.compile(
    r"axolotl\.integrations\.(?:cut_cross_entropy|densemixer|diffusion|expert_parallel|grokfast"
    r"|hatchery|kd|kernels|liger|llm_compressor|lm_eval|mora|nemo_gym|spectrum|swanlab)\b"
)
"""The plugins that axolotl 0.21 comes with."""
_LIBRARIES: Final = frozenset({"peft", "trl", "transformers"})
_BUILT_ON_LIBRARIES: Final = frozenset({"ipex_llm", "bigdl", "swift", "optimum"})
_EFFECTS: Final = {"raises": "stops at the key with an error", "warns": "warns and leaves it out"}


@record
class StrangeKey(Item):
    """A key that no release of the loader knows.

    ``outcome`` is what the loader does with it: raises, drops or warns. ``meant`` is the key it
    stands for, if any; ``near`` says that it is a slip of it, ``foreign`` that it is what another
    format calls it, ``both`` that the meant key is there, too, ``empty`` that its value is null,
    ``certain`` that nothing but the library reads it.
    """

    outcome: str
    meant: str = ""
    near: bool = False
    foreign: str = ""
    both: bool = False
    empty: bool = False
    certain: bool = False

    @property
    def effect(self) -> str:
        """What the loader does with the key."""
        return _EFFECTS.get(self.outcome, "leaves it out without a word")

    @property
    def twin(self) -> str:
        """Say that the key it stands for is there, too."""
        return f"; `{self.meant}` is there already" if self.meant else ""


@of_last_recipe
def strange_keys(recipe: Recipe) -> tuple[StrangeKey, ...]:
    """Keys that the loader knows in no release; none where its key list is not known."""
    framework = reader_of(recipe)
    of_a_window = recipe.framework == "kohya" and recipe.document.format == "json"
    if framework is None or of_a_window:  # whose own names nobody lists
        return ()
    return tuple(_strange(recipe, framework))


def misspelt_keys(recipe: Recipe) -> tuple[StrangeKey, ...]:
    """Unknown keys that are a slip of a known one that is not there itself."""
    return tuple(key for key in strange_keys(recipe) if key.near and not key.both)


def foreign_keys(recipe: Recipe) -> tuple[StrangeKey, ...]:
    """Unknown keys that another format calls what this one has a key for.

    A name of PEFT's own may be an argument of the program that reads the file.
    """
    own = _has_foreign_plugin(recipe) or _is_for_own_program(recipe)
    found = (key for key in strange_keys(recipe) if key.foreign)
    return tuple(key for key in found if not own or key.foreign != _PEFT)


def unknown_keys(recipe: Recipe, targets: Targets) -> tuple[StrangeKey, ...]:
    """Unknown keys of which nobody can say what they are meant for.

    A null that is dropped loses nothing; a plugin of somebody else's for axolotl may declare keys
    of its own, and so may a program of somebody else's that has the format's arguments. Several
    keys that would each stop the loader belong to such a program: no run came past the first.
    """
    if _has_foreign_plugin(recipe) or _is_for_own_program(recipe):
        return ()
    far = [key for key in strange_keys(recipe) if not key.foreign and (key.both or not key.near)]
    stopping = sum(key.outcome == "raises" for key in far)
    listed = recipe.document.format in ("yaml", "json") or recipe.framework in _SCRIPTS
    if stopping >= _TOO_MANY and listed:
        return ()
    if recipe.framework == "peft" and reader_stops(targets):
        return tuple(replace(key, outcome="raises", certain=True) for key in far)
    return tuple(key for key in far if key.outcome != "drops" or not key.empty)


def is_of_another_script(recipe: Recipe) -> bool:
    """Whether a command starts a copy of a script that has further flags: it may check others."""
    copied = recipe.framework in _SCRIPTS and recipe.document.format == "shell"
    return copied and any(not key.near for key in strange_keys(recipe))


def for_a_fork(recipe: Recipe) -> bool:
    """Whether the file has a key that no release knows and the project's own program declares."""
    framework = by_name(recipe.framework)
    if framework is None or recipe.document.format == "python":
        return False
    return any(
        key.name not in here and _project.declares(recipe.document, key.name)
        for key, here in placed_keys(recipe, framework)
    )


def _has_foreign_plugin(recipe: Recipe) -> bool:
    plugins = [key.node for key in recipe.keys if key.path == "plugins"]
    names = [item for node in plugins for item in getattr(node, "items", ())]
    return any(not (isinstance(name, Scalar) and _OF_AXOLOTL.match(name.text)) for name in names)


def _is_for_own_program(recipe: Recipe) -> bool:
    """Whether a project's own program reads the file: it names no dataset, or is named itself."""
    if recipe.framework == "kohya":  # programs around it keep keys of their own in its file
        return recipe.document.format != "shell" or not runs_sd_script(recipe)
    if recipe.document.path.endswith("adapter_config.json") and recipe.framework == "mlx-lm":
        return True  # what a training wrote beside its weights
    if recipe.framework == "trl" and recipe.document.format != "shell":
        return not _TRL_DATA & {key.path for key in recipe.keys}
    program = recipe.evidence.removeprefix("runs ")
    flags = recipe.framework == "llamafactory" and recipe.document.format == "shell"
    return flags and program.endswith(".py") and program not in _LLAMAFACTORY_SCRIPTS


def _strange(recipe: Recipe, framework: Framework) -> Iterator[StrangeKey]:
    for key, here in placed_keys(recipe, framework):
        if key.name in here or is_placeholder(key.name):
            continue
        if "${" + key.path in recipe.document.text:
            continue  # other keys take their values from it
        if recipe.document.format != "python" and _project.declares(recipe.document, key.name):
            continue
        if _imported_from(key, recipe) in _BUILT_ON_LIBRARIES:
            continue  # a class with further arguments of its own
        if key.path != key.name or not _is_passed_over(key, framework):
            yield _explained(key, here, recipe, framework)


def _is_passed_over(key: WrittenKey, framework: Framework) -> bool:
    """Whether a key is one of a fork or a plugin, or a place to keep YAML anchors.

    Of vLLM's flags those on adapters alone are listed.
    """
    return (
        key.name in framework.extra
        or (framework.name == "vllm" and "lora" not in key.name)
        or key.name in framework.keys
        or key.name.startswith(("x-", "_", ".", COMMAND))
    )


def _imported_from(key: WrittenKey, recipe: Recipe) -> str:
    """Return the package a script imports the class of an argument from, empty if none."""
    if recipe.document.format != "python":
        return ""
    owner = key.path.partition(".")[0]
    names = r"(?:\([^)]*|(?:[^\n(\\]|\\\n)*)"
    line = rf"from (\w+)[\w.]* import {names}\b{re.escape(owner)}\b"
    found = re.search(line, recipe.document.text)
    return found.group(1) if found is not None else ""


def _explained(key: WrittenKey, here: Keys, recipe: Recipe, framework: Framework) -> StrangeKey:
    value = key.node.text if isinstance(key.node, Scalar) else None
    on_command_line = recipe.document.format == "shell" and framework.name in _EXACT
    strange = StrangeKey(
        path=key.path,
        at=key.key_at,
        value=value,
        outcome="raises" if on_command_line else outcome_of(key, framework),
        certain=on_command_line
        or (framework.name == "vllm" and key.name in _TRIED_ON_VLLM)
        or _imported_from(key, recipe) in _LIBRARIES,
        empty=isinstance(key.node, Scalar) and framework.scalars(key.node) is None,
    )
    parent = parent_of(key)
    written = {other.path for other in recipe.keys}
    other, own = ("", "") if parent else _elsewhere(key.name, framework)
    if own:
        return replace(strange, meant=own, foreign=other, both=own in written)
    near = nearest_living(key.name, here)
    return replace(
        strange, meant=near, near=bool(near), both=f"{parent}.{near}".lstrip(".") in written
    )


def _elsewhere(name: str, framework: Framework) -> tuple[str, str]:
    """Return the other format that has this key, and this format's key for the same thing."""
    own = {field: key for key, field in reversed(spellings(framework).items())}
    others = [other for name in _OTHERS if (other := by_name(name)) and name != framework.name]
    for other in sorted(others, key=lambda other: other.rank):
        field = spellings(other).get(name)
        if field in own and own[field] != name:
            return _PEFT if other.name == "peft" else other.title, own[field]
    return "", ""
