"""Where a base model's modules are known from: a folder, or the catalogue."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models import catalogue
from lora_advisor.models.likeness import agreement, alike, same, same_positions
from lora_advisor.models.template import expanded, usual_class
from lora_advisor.models.weight_index import from_code, from_index
from lora_advisor.record import record, replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lora_advisor.models.table import ModuleTable

CONFIG: Final = "config.json"
_TEXT: Final = "_text"
_WITH_IMAGES: Final = "ForConditionalGeneration"


class ModelError(Exception):
    """A model folder that cannot be used; the message names the file."""


@record
class BaseModel:
    """A base model as far as it is known: its ``config.json``, where it comes from, its folder.

    ``entry`` is the catalogue's model of the same modules, ``sized`` whether of the same sizes,
    ``builds`` whether transformers may be asked where nothing else knows the modules. The config
    of a name that stands for a whole family (``of_family``) says nothing of sizes.
    """

    config: Mapping[str, Any]
    source: str
    folder: Path | None = None
    entry: Mapping[str, Any] | None = None
    sized: bool = False
    builds: bool = False
    of_family: bool = False

    @property
    def model_type(self) -> str:
        """Transformers' name of the architecture, empty where the config does not say."""
        return str(self.config.get("model_type", ""))

    @property
    def architecture(self) -> str:
        """The class the model was saved from, empty where the config does not say."""
        named = self.config.get("architectures")
        return str(named[0]) if isinstance(named, list) and named else ""

    def table(self, auto_class: str | None = None) -> ModuleTable | None:
        """Return its modules as an auto class loads it, None where they are not known."""
        if self.of_family:
            named = self._catalogued(auto_class) or self._made(auto_class) or self._remote()
            return replace(named, sized=False) if named is not None else None
        usual = auto_class or self._usual()
        found = self._catalogued(usual) if self.sized else None
        made = found or self._made(usual) or self._built(auto_class)
        if made is not None:
            return made if found else replace(made, source=_source(self.source, made))
        named = self._catalogued(auto_class)
        return replace(named, sized=False) if named is not None else self._remote()

    def _catalogued(self, auto_class: str | None) -> ModuleTable | None:
        """Return the modules of the catalogue's model, its sizes only where they are the same."""
        if self.entry is None:
            return None
        found = catalogue.table(self.entry, auto_class or self._default())
        if found is None:
            return None
        return replace(found, sized=self.sized, source=self.source)

    def _made(self, auto_class: str | None) -> ModuleTable | None:
        """Return what a template of its type makes of the config, None where none holds."""
        content = catalogue.part(self.model_type)
        wanted = auto_class or self._usual()
        fitting = (t for t in content["templates"] if t["auto"] == wanted)
        made = (expanded(template, content, self.config) for template in fitting)
        return next((table for table in made if table is not None), None)

    def _built(self, auto_class: str | None) -> ModuleTable | None:
        """Return what transformers makes of the config: built before, or now if that is wished."""
        if not catalogue.is_known(self.model_type):
            return None
        from lora_advisor.models import build  # seldom needed

        return (build.built if self.builds else build.kept)(self.config, auto_class)

    def refusal(self, auto_class: str | None = None) -> str:
        """Return why transformers does not build the model, empty where it was not asked."""
        from lora_advisor.models import build  # seldom needed

        return build.refusal(self.config, auto_class)

    def _remote(self) -> ModuleTable | None:
        """Return names of a model whose code is not part of transformers."""
        if catalogue.is_known(self.model_type):
            return None
        index = from_index(self.folder, self.config) if self.folder is not None else None
        return index or from_code(self.config, self.source)

    def _usual(self) -> str | None:
        """Return the class such a model is loaded with, by the class it was saved from."""
        text = self.model_type.endswith(_TEXT) and self.architecture.endswith(_WITH_IMAGES)
        named = "" if text else self.architecture  # the part of a model, saved by the whole
        usual = usual_class(catalogue.part(self.model_type), named)
        return usual or self._default()

    def _default(self) -> str | None:
        """Return the class the model's own ``architectures`` names, where the catalogue has it."""
        return str(self.entry["default"]) if self.entry else None


def _source(config: str, made: ModuleTable) -> str:
    """Say where a table comes from: the config it follows, and the library that built it."""
    return f"{config}, {made.source}" if made.source.startswith("built") else config


def model_in(folder: Path) -> BaseModel | None:
    """Read the model of a folder, None where it has no ``config.json``; ModelError if broken."""
    path = folder / CONFIG
    if not _is_file(path):
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path}: is no model's config: expected a table")
    return known(config, str(path), folder)


def _is_file(path: Path) -> bool:
    """Whether a file is there; a name no file can have, or a closed folder, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def known(config: Mapping[str, Any], source: str, folder: Path | None = None) -> BaseModel:
    """Find the catalogue's model with the modules that a config makes."""
    kind = str(config.get("model_type"))
    entries = catalogue.models(kind)
    equal = next((entry for entry in entries if _is_equal(config, entry)), None)
    entry = equal or _alike_entry(config, entries)
    if entry is None:
        references = catalogue.references(kind)
        entry = next((e for e in references if alike(config, e["config"])), None)
    return BaseModel(
        config=config, source=source, folder=folder, entry=entry, sized=equal is not None
    )


def _is_equal(config: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether a config makes a model's modules; their positions count where they are learned."""
    if not same(config, entry["config"]):
        return False
    return same_positions(config, entry["config"]) or not _learns_positions(entry)


def _learns_positions(entry: Mapping[str, Any]) -> bool:
    table = catalogue.table(entry)
    return table is None or any(
        module.kind == "embedding" and ("position" in module.leaf or module.leaf == "wpe")
        for module in table.modules
    )


def _alike_entry(
    config: Mapping[str, Any], entries: list[dict[str, Any]]
) -> Mapping[str, Any] | None:
    """Return a model of the same names; None where the ones in question differ in theirs."""
    found = [entry for entry in entries if alike(config, entry["config"])]
    agreed = [agreement(config, entry["config"]) for entry in found]
    best = [entry for entry, n in zip(found, agreed, strict=True) if n == max(agreed)]
    usual = Counter(entry["default"] for entry in best).most_common(1)
    best = [entry for entry in best if entry["default"] == usual[0][0]]
    names = {entry["tables"][entry["default"]]["leaves"] for entry in best}
    return best[0] if len(names) == 1 else None
