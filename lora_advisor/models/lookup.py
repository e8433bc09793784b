"""The base model of a recipe: asked for lazily, found in this order, kept for the run.

The folder given with ``--model``; a folder the config names; the local Hugging Face cache; the
catalogue, by id. With ``--allow-network`` the Hub comes before models of which only kin are known.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lora_advisor.models import ids
from lora_advisor.models.adapter_file import shapes
from lora_advisor.models.locate import BaseModel, ModelError, known, model_in
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.models.table import ModuleTable

KEPT: Final = 64
"""Base models that a run remembers: many configs name the same few."""
HINT: Final = "name the model with --model PATH"


class Lookup:
    """Finds base models; ``given`` is the folder of ``--model``, ``near`` that of the config.

    ``builds`` lets transformers build what nothing else knows: some ten seconds, once a model.
    ``fetches`` lets the Hub be asked for a ``config.json``.
    """

    def __init__(
        self,
        given: Path | None = None,
        near: Path | None = None,
        *,
        builds: bool = False,
        fetches: bool = False,
    ) -> None:
        self._given = given
        self._near = near
        self._builds = builds
        self._fetches = fetches
        self._models: dict[str, BaseModel | None] = {}
        self._tables: dict[tuple[str, str | None], ModuleTable | None] = {}

    @property
    def told(self) -> bool:
        """Whether the user named the model, so that no name of the config is needed."""
        return self._given is not None

    def model(self, name: str) -> BaseModel | None:
        """Return the base model a config names, None where nothing is known of it."""
        if name not in self._models:
            found = self._find(name)
            other = found is not None and found.builds != self._builds
            self._models[name] = replace(found, builds=self._builds) if found and other else found
        return self._models[name]

    def table(self, name: str, auto_class: str | None = None) -> ModuleTable | None:
        """Return its modules as an auto class loads it, None where they are not known."""
        key = (name, auto_class)
        if key not in self._tables:
            model = self.model(name)
            self._tables[key] = _table(model, auto_class) if model is not None else None
        return self._tables[key]

    def saved_shapes(self, name: str) -> Mapping[str, tuple[int, ...]]:
        """Return the tensors' shapes of the adapter in a folder a config names, or in its own."""
        folders = self._folders(name) if name else [self._near] if self._near else []
        found = (shapes(folder) for folder in folders)
        return next((read for read in found if read), {})

    def _find(self, name: str) -> BaseModel | None:
        if self._given is not None:
            return model_in(self._given)
        if not name:
            return None
        folders = [*self._folders(name), cached_folder(name)]
        found = (model_in(folder) for folder in folders if folder is not None)
        local = next((model for model in found if model is not None), None)
        return local or (_asked(name) if self._fetches else by_id(name))

    def _folders(self, name: str) -> list[Path]:
        path = Path(name)
        if path.is_absolute():
            return [path]
        if ".." in path.parts:
            return []
        return [base / path for base in (self._near, Path()) if base is not None]


@lru_cache(KEPT)
def _table(model: BaseModel, auto_class: str | None) -> ModuleTable | None:
    return model.table(auto_class)


def _asked(name: str) -> BaseModel | None:
    """Return a published model by its own config, by its kin only where the Hub says nothing."""
    if ids.entry_of(name)[1]:
        return by_id(name)
    model, reason = _of_hub(name)
    found = model or by_id(name)
    if found is None and reason:
        raise ModelError(reason)
    return found


@lru_cache(KEPT)
def _of_hub(name: str) -> tuple[BaseModel | None, str]:
    """Return a model by its config on the Hub, or why there is none: it is asked once a run."""
    from lora_advisor.models import hub  # seldom needed

    try:
        return model_in(hub.fetched(name)), ""
    except ModelError as error:
        return None, str(error)


@lru_cache(KEPT)
def by_id(name: str) -> BaseModel | None:
    """Return a published model by its id on the Hub, None for one nobody has looked at."""
    entry, exact = ids.entry_of(name)
    if entry is not None:
        config = entry["config"] if exact else {"model_type": entry["config"]["model_type"]}
        source = f"the catalogue ({entry['id']})"
        return BaseModel(config=config, source=source, entry=entry, sized=True)
    published = ids.published_of(name)
    if published is not None:
        return known(published[1], f"the published sizes of {published[0]}")
    config = ids.family_of(name)
    if config is None:
        return None
    return replace(known(config, f"the catalogue ({config['model_type']})"), of_family=True)


def _hub() -> Path:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")


def cached_folder(name: str) -> Path | None:
    """Return the folder of a model in the local Hugging Face cache, None if it is not there."""
    folder = _hub() / f"models--{name.replace('/', '--')}"
    try:
        if not folder.is_dir():
            return None
        commit = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return folder / "snapshots" / commit if commit.isalnum() else None
