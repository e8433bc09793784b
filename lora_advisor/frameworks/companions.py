"""Files of one launch: what a DeepSpeed JSON or an accelerate YAML adds to a training config."""

from __future__ import annotations

from functools import lru_cache
from itertools import takewhile
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from lora_advisor import frameworks
from lora_advisor.recipe import UNKNOWN, Origin, Value
from lora_advisor.record import replace
from lora_advisor.source import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lora_advisor.recipe import Recipe


_SCRIPTS: Final = frozenset({".py", ".ipynb"})
_CONFIGS: Final = frozenset({".json", ".toml", ".yaml", ".yml"})
_ENDINGS: Final = (".json", ".yaml", ".yml")
_SIGNS: Final = (
    b"zero_optimization",
    b"train_micro_batch_size_per_gpu",
    b"compute_environment",
    b"distributed_type",
    b"\0",  # UTF-16
)
"""One of these is in every file of DeepSpeed and accelerate."""
_SERVING: Final = ("vllm", "ms-swift-server", "gguf")
"""Formats of the commands that load or convert a trained adapter."""


def link(recipes: Iterable[Recipe]) -> list[Recipe]:
    """Give each training recipe what its companions among the others say of the launch.

    The order is kept; see :class:`Launches`.
    """
    run, read = Launches(), list(recipes)
    settled = dict((*run.settled(read), *run.rest()))
    return [settled[recipe] for recipe in read]


class Launches:
    """The companions of a run, and the configs that wait for what else is read.

    A DeepSpeed file belongs to the config that names it, or whose accelerate file names it; an
    accelerate file to the training configs of its own folder, if it is the only one there, to the
    only config of all from a folder below, and to a script if that is the only one that trains; a
    launching command to the one file it names; a server's command to the adapter it loads, or to
    the one adapter beside it unless that one is written elsewhere.

    Files that may be companions are to be read first (:func:`may_accompany`): most configs then
    need nothing that comes later, and a run of many files holds few of them at a time.
    """

    def __init__(self) -> None:
        self.configs = self.adapters = 0
        self.accelerate: list[Recipe] = []
        self.deepspeed: list[Recipe] = []
        self.launches: list[Recipe] = []
        self.servers: list[Recipe] = []
        self.beside: dict[PurePath, list[Recipe]] = {}
        self.training: dict[tuple[PurePath, bool], set[str]] = {}
        self.by_name: dict[str, set[PurePath]] = {}
        self._started: set[str] = set()
        self._served: set[PurePath] = set()
        self._waiting: list[Recipe] = []

    def settled(self, recipes: Sequence[Recipe]) -> Iterator[tuple[Recipe, Recipe]]:
        """Take the recipes of a file; yield those that are ready, as read and with all they know.

        The others wait for :meth:`rest`.
        """
        for recipe in recipes:
            self._count(recipe)
            if _is_companion(recipe):
                self._add(recipe)
                yield recipe, recipe
        for recipe in recipes:
            if not _is_companion(recipe):
                if self._waits(recipe):
                    self._waiting.append(recipe)
                else:
                    yield recipe, _joined(recipe, _belonging(recipe, self))

    def rest(self) -> Iterator[tuple[Recipe, Recipe]]:
        """Yield, when all files are read, the recipes that waited for them."""
        for recipe in self._waiting:
            yield recipe, _joined(recipe, _belonging(recipe, self))

    def _count(self, recipe: Recipe) -> None:
        path = _path(recipe.document.path)
        self.by_name.setdefault(path.name, set()).add(path)
        self.adapters += recipe.framework == "peft"
        if _is_companion(recipe):
            return
        self.configs += 1
        if recipe["train.enabled"].value is True:
            self.training.setdefault(_group(recipe), set()).add(recipe.document.path)

    def _add(self, companion: Recipe) -> None:
        if companion.framework == "accelerate":
            self.accelerate.append(companion)
            self.beside.setdefault(_folder(companion), []).append(companion)
        elif companion.framework == "deepspeed":
            self.deepspeed.append(companion)
        elif companion.framework == "launch":
            self.launches.append(companion)
            self._started.update(path.name for path in _started(companion))
        elif companion.framework in _SERVING:
            self.servers.append(companion)
            self._served.add(_folder(companion))

    def _waits(self, recipe: Recipe) -> bool:
        """Whether files that are not read yet may change what a recipe's companions are."""
        started = _path(recipe.document.path).name in self._started
        beside = bool(_near(recipe, self)) and not _is_one_of_several(recipe, self)
        served = _folder(recipe) in self._served and self.is_alone(recipe)
        return started or beside or served

    def is_alone(self, recipe: Recipe) -> bool:
        """Whether a recipe is the one adapter of a run, or without any its one config."""
        if self.adapters:
            return self.adapters == 1 and recipe.framework == "peft"
        return self.configs == 1


def may_accompany(path: str, data: bytes) -> bool:
    """Whether a file may be the companion of another one, as its name or its words tell."""
    suffix = _path(path).suffix.lower()
    if suffix in _CONFIGS:
        return any(sign in data for sign in _SIGNS)
    return SUFFIXES.get(suffix) == "shell"


@lru_cache(maxsize=1024)
def _path(text: str) -> PurePath:
    return PurePath(text)


@lru_cache(maxsize=1024)
def _parent(text: str) -> PurePath:
    return PurePath(text).parent


def _folder(recipe: Recipe) -> PurePath:
    return _parent(recipe.document.path)


def launched(recipe: Recipe, processes: int | None) -> Recipe:
    """Give a recipe the number of processes that a user states, where no file of it does.

    GPUs that a plain start is let see are those of one process.
    """
    told = (recipe["run.num_processes"], recipe["run.visible_gpus"])
    if processes is None or any(value.value is not UNKNOWN for value in told):
        return recipe
    stated = Value(value=processes, origin=Origin.FRAMEWORK, key="num_processes")
    return replace(recipe, values={**recipe.values, "run.num_processes": stated})


def named_paths(recipe: Recipe) -> list[str]:
    """Return the DeepSpeed file a recipe names, relative to itself or absolute."""
    value = recipe["run.deepspeed"].value
    return [value] if isinstance(value, str) and value.endswith(_ENDINGS) else []


def followed_paths(recipe: Recipe) -> list[str]:
    """Return the configs a recipe names: DeepSpeed's, and those that a command starts with."""
    started = (str(path) for path in _started(recipe))
    return [*named_paths(recipe), *(path for path in started if path.endswith(_ENDINGS))]


def _group(recipe: Recipe) -> tuple[PurePath, bool]:
    """Return a file's folder, and whether it is a script: what stands alike beside it."""
    return _folder(recipe), _path(recipe.document.path).suffix in _SCRIPTS


def _is_companion(recipe: Recipe) -> bool:
    framework = frameworks.by_name(recipe.framework)
    return framework is not None and framework.companion


def _belonging(recipe: Recipe, run: Launches) -> list[Recipe]:
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


def _beside(recipe: Recipe, starts: Sequence[Recipe], run: Launches) -> list[Recipe]:
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


def _servers(recipe: Recipe, run: Launches) -> list[Recipe]:
    """Return the servers that load a recipe's adapter, as they name it or stand beside it alone."""
    named = [other for other in run.servers if _serves(other, recipe)]
    if named or not run.is_alone(recipe):
        return named
    return [
        other
        for other in run.servers
        if _folder(other) == _folder(recipe) and not _loads_another(other, recipe)
    ]


def _named_by(recipe: Recipe, starts: Sequence[Recipe], run: Launches) -> list[Recipe]:
    """Return the accelerate files that a recipe's own command or its launch names, wherever."""
    names = [path for other in (recipe, *starts) for path in _started(other)]
    return [
        other
        for other in run.accelerate
        if any(_same_file(_path(other.document.path), name) for name in names)
    ]


def _may_launch_by_accelerate(recipe: Recipe) -> bool:
    """Whether a recipe is not a command line of another launcher (``python``, ``torchrun``)."""
    return recipe.document.format != "shell" or "accelerate" in recipe.document.text


def _near(recipe: Recipe, run: Launches) -> list[Recipe]:
    """Return the accelerate files in a config's folder, and below it where no other config is."""
    folder = _folder(recipe)
    if run.configs == 1:
        return [other for other in run.accelerate if _folder(other).is_relative_to(folder)]
    return run.beside.get(folder, [])


def _is_one_of_several(recipe: Recipe, run: Launches) -> bool:
    """Whether several files of a folder train: who knows which one an accelerate file is for?

    Scripts are compared with scripts, and configs with configs.
    """
    return bool(run.training.get(_group(recipe), set()) - {recipe.document.path})


def _is_for_another(accelerate: Recipe, recipe: Recipe, run: Launches) -> bool:
    """Whether commands start other scripts than this one with an accelerate file."""
    own = _path(recipe.document.path)
    if own.suffix != ".py":
        return False
    stem = _path(accelerate.document.path).stem
    named = [_started(other) for other in run.launches]
    using = [paths for paths in named if stem in {path.stem for path in paths}]
    scripts = {path.name for paths in using for path in paths if path.suffix == ".py"}
    return bool(scripts) and own.name not in scripts


def _starts(launch: Recipe, recipe: Recipe, run: Launches) -> bool:
    """Whether a launching command names the file that a recipe stands in, and means no other.

    The folder it is started in is not known: of files of that name, the nearest one is meant.
    """
    own, names = _path(recipe.document.path), _started(launch)
    if own.name not in {path.name for path in names}:
        return False
    folder = _folder(launch)
    alike = run.by_name[own.name]
    return _fit(own, names, folder) == max(_fit(path, names, folder) for path in alike)


def _started(launch: Recipe) -> list[PurePath]:
    """Return the files that a launching command names, as it writes them."""
    named = launch["run.starts"].value
    return [_path(str(name)) for name in named] if isinstance(named, list) else []


def _fit(path: PurePath, names: Iterable[PurePath], folder: PurePath) -> tuple[bool, int]:
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


def _nearest(folder: PurePath, named: str, run: Launches) -> list[Recipe]:
    """Return the DeepSpeed file that a path means; none if several are as near to the config."""
    found = [
        (_shared(folder, _folder(other)), other)
        for other in run.deepspeed
        if _same_file(_path(other.document.path), _path(named))
    ]
    nearest = max((shared for shared, _ in found), default=0)
    best = [other for shared, other in found if shared == nearest]
    return best if len(best) == 1 else []


def _shared(one: PurePath, other: PurePath) -> int:
    """Return how many leading parts two folders have in common."""
    equal = (a == b for a, b in zip(one.parts, other.parts, strict=False))
    return sum(takewhile(bool, equal))


def _same_file(checked: PurePath, named: PurePath) -> bool:
    """Whether the path written in a config can mean a file that was checked."""
    tail = tuple(part for part in named.parts if part not in (".", ".."))
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
