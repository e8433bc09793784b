"""Files of one launch: what a DeepSpeed JSON or an accelerate YAML adds to a training config."""

from __future__ import annotations

from functools import lru_cache
from itertools import takewhile
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from lora_advisor import frameworks
from lora_advisor.recipe import UNKNOWN, Origin, Value
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lora_advisor.recipe import Recipe


_SCRIPTS: Final = frozenset({".py", ".ipynb"})
_SERVING: Final = ("vllm", "ms-swift-server", "gguf")
"""Formats of the commands that load or convert a trained adapter."""


def link(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Give each training recipe what its companions among the others say of the launch.

    A DeepSpeed file belongs to the config that names it, or whose accelerate file names it; an
    accelerate file to the training configs of its own folder, if it is the only one there, to the
    only config of all from a folder below, and to a script if that is the only one that trains; a
    launching command to the one file it names; a server's command to the adapter it loads, or to
    the one adapter beside it unless that one is written elsewhere.
    """
    run = _Run(recipes)
    if len(run.configs) == len(recipes):
        return list(recipes)
    joined = {recipe: _joined(recipe, _belonging(recipe, run)) for recipe in run.configs}
    return [joined.get(recipe, recipe) for recipe in recipes]


class _Run:
    """The recipes of a run, sorted: those that are judged, and their possible companions."""

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self.configs = [recipe for recipe in recipes if not _is_companion(recipe)]
        self.adapters = [recipe for recipe in recipes if recipe.framework == "peft"]
        self.accelerate = [recipe for recipe in recipes if recipe.framework == "accelerate"]
        self.beside: dict[PurePath, list[Recipe]] = {}
        for recipe in self.accelerate:
            self.beside.setdefault(_folder(recipe), []).append(recipe)
        self.deepspeed = [recipe for recipe in recipes if recipe.framework == "deepspeed"]
        self.launches = [recipe for recipe in recipes if recipe.framework == "launch"]
        self.servers = [recipe for recipe in recipes if recipe.framework in _SERVING]
        self.training: dict[tuple[PurePath, bool], set[str]] = {}
        for recipe in self.configs:
            if recipe["train.enabled"].value is True:
                self.training.setdefault(_group(recipe), set()).add(recipe.document.path)
        self.by_name: dict[str, set[PurePath]] = {}
        for path in (_path(recipe.document.path) for recipe in recipes):
            self.by_name.setdefault(path.name, set()).add(path)


@lru_cache(maxsize=1024)
def _path(text: str) -> PurePath:
    return PurePath(text)


@lru_cache(maxsize=1024)
def _parent(text: str) -> PurePath:
    return PurePath(text).parent


def _folder(recipe: Recipe) -> PurePath:
    return _parent(recipe.document.path)


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


def _group(recipe: Recipe) -> tuple[PurePath, bool]:
    """Return a file's folder, and whether it is a script: what stands alike beside it."""
    return _folder(recipe), _path(recipe.document.path).suffix in _SCRIPTS


def _is_companion(recipe: Recipe) -> bool:
    framework = frameworks.by_name(recipe.framework)
    return framework is not None and framework.companion


def _belonging(recipe: Recipe, run: _Run) -> list[Recipe]:
    """Return a config's companions, the one that decides first: DeepSpeed's own file."""
    starts = [other for other in run.launches if _starts(other, recipe, run)]
    accelerate = _named_by(recipe, starts, run) or _beside(recipe, starts, run)
    launchers = [
        *(starts if len(starts) == 1 else []),
        *(accelerate if len(accelerate) == 1 else []),
    ]
    paths = [path for naming in (recipe, *launchers) for path in named_paths(naming)]
    named = _nearest(_folder(recipe), paths[0], run) if paths else []
    return named + launchers + _servers(recipe, run)[:1]


def _beside(recipe: Recipe, starts: Sequence[Recipe], run: _Run) -> list[Recipe]:
    """Return the accelerate files that may launch a recipe because of where they lie."""
    near = _near(recipe, run)
    if (
        not near
        or not _may_launch_by_accelerate(recipe)
        or (recipe.framework == "unsloth" and not starts)
        or _is_one_of_several(recipe, run)
    ):
        return []
    return [other for other in near if not _is_for_another(other, recipe, run)]


def _servers(recipe: Recipe, run: _Run) -> list[Recipe]:
    """Return the servers that load a recipe's adapter, as they name it or stand beside it alone."""
    named = [other for other in run.servers if _serves(other, recipe)]
    if named or (run.adapters or run.configs) != [recipe]:
        return named
    return [
        other
        for other in run.servers
        if _folder(other) == _folder(recipe) and not _loads_another(other, recipe)
    ]


def _named_by(recipe: Recipe, starts: Sequence[Recipe], run: _Run) -> list[Recipe]:
    """Return the accelerate files that a recipe's own command or its launch names, wherever."""
    listed = [other["run.starts"].value for other in (recipe, *starts)]
    names = [str(name) for files in listed if isinstance(files, list) for name in files]
    return [
        other
        for other in run.accelerate
        if any(_same_file(_path(other.document.path), name) for name in names)
    ]


def _may_launch_by_accelerate(recipe: Recipe) -> bool:
    """Whether a recipe is not a command line of another launcher (``python``, ``torchrun``)."""
    return recipe.document.format != "shell" or "accelerate" in recipe.document.text


def _near(recipe: Recipe, run: _Run) -> list[Recipe]:
    """Return the accelerate files in a config's folder, and below it where no other config is."""
    folder = _folder(recipe)
    if run.configs == [recipe]:
        return [other for other in run.accelerate if _folder(other).is_relative_to(folder)]
    return run.beside.get(folder, [])


def _is_one_of_several(recipe: Recipe, run: _Run) -> bool:
    """Whether several files of a folder train: who knows which one an accelerate file is for?

    Scripts are compared with scripts, and configs with configs.
    """
    return bool(run.training.get(_group(recipe), set()) - {recipe.document.path})


def _is_for_another(accelerate: Recipe, recipe: Recipe, run: _Run) -> bool:
    """Whether commands start other scripts than this one with an accelerate file."""
    own = _path(recipe.document.path)
    if own.suffix != ".py":
        return False
    stem = _path(accelerate.document.path).stem
    starts = [other["run.starts"].value for other in run.launches]
    named = [[PurePath(str(n)) for n in names] for names in starts if isinstance(names, list)]
    using = [paths for paths in named if stem in {path.stem for path in paths}]
    scripts = {path.name for paths in using for path in paths if path.suffix == ".py"}
    return bool(scripts) and own.name not in scripts


def _starts(launch: Recipe, recipe: Recipe, run: _Run) -> bool:
    """Whether a launching command names the file that a recipe stands in, and means no other.

    The folder it is started in is not known: of files of that name, the nearest one is meant.
    """
    named = launch["run.starts"].value if launch.framework == "launch" else None
    if not isinstance(named, list):
        return False
    own = _path(recipe.document.path)
    if own.name not in {_path(str(name)).name for name in named}:
        return False
    names, folder = [str(name) for name in named], _folder(launch)
    alike = run.by_name[own.name]
    return _fit(own, names, folder) == max(_fit(path, names, folder) for path in alike)


def _fit(path: PurePath, names: Iterable[str], folder: PurePath) -> tuple[bool, int]:
    """Return how well a file fits one of the names in a command, which stands in a folder."""
    return any(_same_file(path, name) for name in names), _shared(folder, path.parent)


def _serves(server: Recipe, recipe: Recipe) -> bool:
    """Whether a server's command loads the adapter that lies here, or that a training writes."""
    adapters = server["run.serve_adapters"].value
    if not isinstance(adapters, list):
        return False
    written = recipe["run.output_dir"].value
    output = PurePath(written).name if isinstance(written, str) else ""
    folder = _folder(recipe).name if recipe.framework == "peft" else output
    paths = [PurePath(str(item).partition("=")[2]) for item in adapters]
    return bool(folder) and any(
        folder == path.name or (folder == output and folder in path.parts) for path in paths
    )


def _loads_another(server: Recipe, recipe: Recipe) -> bool:
    """Whether a server names adapters, none of which is the one that a training says it writes."""
    adapters, written = server["run.serve_adapters"].value, recipe["run.output_dir"]
    told = written.written and isinstance(written.value, str)
    return told and isinstance(adapters, list) and bool(adapters) and not _serves(server, recipe)


def _nearest(folder: PurePath, named: str, run: _Run) -> list[Recipe]:
    """Return the DeepSpeed file that a path means; none if several are as near to the config."""
    found = [
        (_shared(folder, _folder(other)), other)
        for other in run.deepspeed
        if _same_file(_path(other.document.path), named)
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
    tail = tuple(part for part in _path(named).parts if part not in (".", ".."))
    return bool(tail) and checked.parts[-len(tail) :] == tail


def _joined(recipe: Recipe, companions: Sequence[Recipe]) -> Recipe:
    if not companions:
        return recipe
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
