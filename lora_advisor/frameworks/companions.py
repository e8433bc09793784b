"""Files of one launch: what a DeepSpeed JSON or an accelerate YAML adds to a training config."""

from __future__ import annotations

from itertools import takewhile
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from lora_advisor import frameworks
from lora_advisor.recipe import UNKNOWN, Origin, Value
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lora_advisor.recipe import Recipe


_SERVING: Final = ("vllm", "gguf")
"""Formats of the commands that load or convert a trained adapter."""


def link(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Give each training recipe what its companions among the others say of the launch.

    A DeepSpeed file belongs to the config that names it, or whose accelerate file names it; an
    accelerate file to the training configs of its own folder, if it is the only one there, to the
    only config of all from a folder below, and to a script if that is the only one that trains; a
    launching command to the one file it names; a server's command to the adapter it loads, or to
    the one adapter beside it unless that one is written elsewhere.
    """
    companions = [recipe for recipe in recipes if _is_companion(recipe)]
    if not companions:
        return list(recipes)
    return [
        recipe
        if _is_companion(recipe)
        else _joined(recipe, _belonging(recipe, companions, recipes))
        for recipe in recipes
    ]


def launched(recipes: Iterable[Recipe], processes: int | None) -> list[Recipe]:
    """Give recipes the number of processes that a user states, where no file of theirs does."""
    return [
        recipe
        if processes is None or recipe["run.num_processes"].value is not UNKNOWN
        else replace(recipe, values={**recipe.values, "run.num_processes": _stated(processes)})
        for recipe in recipes
    ]


def _stated(processes: int) -> Value:
    return Value(value=processes, origin=Origin.FRAMEWORK, key="num_processes")


def named_paths(recipe: Recipe) -> list[str]:
    """Return the companion files a training config names, relative to itself or absolute."""
    value = recipe["run.deepspeed"].value
    return [value] if isinstance(value, str) and value.endswith((".json", ".yaml", ".yml")) else []


def _is_companion(recipe: Recipe) -> bool:
    framework = frameworks.by_name(recipe.framework)
    return framework is not None and framework.companion


def _belonging(
    recipe: Recipe, companions: Sequence[Recipe], recipes: Sequence[Recipe]
) -> list[Recipe]:
    """Return a config's companions, the one that decides first: DeepSpeed's own file."""
    folder = PurePath(recipe.document.path).parent
    starts = [other for other in companions if _starts(other, recipe)]
    accelerate = _named_by(recipe, starts, companions) or [
        other
        for other in companions
        if other.framework == "accelerate"
        and _lies_with(other, recipe, recipes)
        and _may_launch_by_accelerate(recipe)
        and not _is_for_another(other, recipe, companions)
        and (recipe.framework != "unsloth" or starts)
        and not _is_one_of_several(recipe, recipes)
    ]
    launchers = [
        *(starts if len(starts) == 1 else []),
        *(accelerate if len(accelerate) == 1 else []),
    ]
    paths = [path for naming in (recipe, *launchers) for path in named_paths(naming)]
    return _nearest(folder, paths[:1], companions) + launchers + _servers(recipe, recipes)[:1]


def _servers(recipe: Recipe, recipes: Sequence[Recipe]) -> list[Recipe]:
    """Return the servers that load a recipe's adapter, as they name it or stand beside it alone."""
    companions = [other for other in recipes if other.framework in _SERVING]
    named = [other for other in companions if _serves(other, recipe)]
    saved = [other for other in recipes if other.framework == "peft"]
    alone = saved or [other for other in recipes if not _is_companion(other)]
    if named or alone != [recipe]:
        return named
    folder = PurePath(recipe.document.path).parent
    return [
        other
        for other in companions
        if PurePath(other.document.path).parent == folder and not _loads_another(other, recipe)
    ]


def _named_by(
    recipe: Recipe, starts: Sequence[Recipe], companions: Iterable[Recipe]
) -> list[Recipe]:
    """Return the accelerate files that a recipe's own command or its launch names, wherever."""
    listed = [other["run.starts"].value for other in (recipe, *starts)]
    names = [str(name) for files in listed if isinstance(files, list) for name in files]
    return [
        other
        for other in companions
        if other.framework == "accelerate"
        and any(_same_file(PurePath(other.document.path), name) for name in names)
    ]


def _may_launch_by_accelerate(recipe: Recipe) -> bool:
    """Whether a recipe is not a command line of another launcher (``python``, ``torchrun``)."""
    return recipe.document.format != "shell" or "accelerate" in recipe.document.text


def _lies_with(accelerate: Recipe, recipe: Recipe, recipes: Iterable[Recipe]) -> bool:
    """Whether an accelerate file is in a config's folder, or below it with no other config."""
    folder = PurePath(recipe.document.path).parent
    lies_in = PurePath(accelerate.document.path).parent
    if lies_in == folder:
        return True
    configs = [other for other in recipes if not _is_companion(other)]
    return configs == [recipe] and lies_in.is_relative_to(folder)


def _is_one_of_several(recipe: Recipe, recipes: Iterable[Recipe]) -> bool:
    """Whether several scripts of a folder train: who knows which one a file is for."""
    own = PurePath(recipe.document.path)
    if own.suffix not in (".py", ".ipynb"):
        return False
    others = {
        other.document.path
        for other in recipes
        if other.document.format == "python" and other["train.enabled"].value is True
    }
    return any(PurePath(path).parent == own.parent for path in others - {recipe.document.path})


def _is_for_another(accelerate: Recipe, recipe: Recipe, companions: Sequence[Recipe]) -> bool:
    """Whether commands start other scripts than this one with an accelerate file."""
    own = PurePath(recipe.document.path)
    if own.suffix != ".py":
        return False
    stem = PurePath(accelerate.document.path).stem
    starts = [other["run.starts"].value for other in companions if other.framework == "launch"]
    named = [[PurePath(str(n)) for n in names] for names in starts if isinstance(names, list)]
    using = [paths for paths in named if stem in {path.stem for path in paths}]
    scripts = {path.name for paths in using for path in paths if path.suffix == ".py"}
    return bool(scripts) and own.name not in scripts


def _starts(launch: Recipe, recipe: Recipe) -> bool:
    """Whether a launching command names the file that a training recipe stands in."""
    named = launch["run.starts"].value if launch.framework == "launch" else None
    if not isinstance(named, list):
        return False
    own = PurePath(recipe.document.path).name
    return own in {PurePath(str(name)).name for name in named}


def _serves(server: Recipe, recipe: Recipe) -> bool:
    """Whether a server's command loads the adapter that lies here, or that a training writes."""
    adapters = server["run.serve_adapters"].value
    if not isinstance(adapters, list):
        return False
    written = recipe["run.output_dir"].value
    output = PurePath(written).name if isinstance(written, str) else ""
    folder = PurePath(recipe.document.path).parent.name if recipe.framework == "peft" else output
    paths = [PurePath(str(item).partition("=")[2]) for item in adapters]
    return bool(folder) and any(
        folder == path.name or (folder == output and folder in path.parts) for path in paths
    )


def _loads_another(server: Recipe, recipe: Recipe) -> bool:
    """Whether a server names adapters, none of which is the one that a training says it writes."""
    adapters, written = server["run.serve_adapters"].value, recipe["run.output_dir"]
    told = written.written and isinstance(written.value, str)
    return told and isinstance(adapters, list) and bool(adapters) and not _serves(server, recipe)


def _nearest(folder: PurePath, named: Iterable[str], companions: Iterable[Recipe]) -> list[Recipe]:
    """Return the DeepSpeed file that a path means; none if several are as near to the config."""
    found = [
        (_shared(folder, PurePath(other.document.path).parent), other)
        for path in named
        for other in companions
        if other.framework == "deepspeed" and _same_file(PurePath(other.document.path), path)
    ]
    nearest = max((shared for shared, _ in found), default=0)
    best = [other for shared, other in found if shared == nearest]
    return best if len(best) == 1 else []


def _shared(one: PurePath, other: PurePath) -> int:
    """Return how many leading parts two folders have in common."""
    equal = (a == b for a, b in zip(one.parts, other.parts, strict=False))
    return sum(takewhile(bool, equal))


def _same_file(checked: PurePath, named: str) -> bool:
    """Whether the path written in a config can mean a file that was checked."""
    tail = tuple(part for part in PurePath(named).parts if part not in (".", ".."))
    return bool(tail) and checked.parts[-len(tail) :] == tail


def _joined(recipe: Recipe, companions: Iterable[Recipe]) -> Recipe:
    values = dict(recipe.values)
    for companion in companions:
        for field, value in companion.values.items():
            if _tells(value, companion) and not values[field].written:
                values[field] = value
    return replace(recipe, values=values)


def _tells(value: Value, companion: Recipe) -> bool:
    """Whether a companion decides a field; a server also by what it does unasked."""
    states = value.written or (companion.framework in _SERVING and value.origin is Origin.FRAMEWORK)
    return states and value.value is not UNKNOWN and value.value is not None
