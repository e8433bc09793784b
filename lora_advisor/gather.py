"""Everything a run looks at: documents, their recipes, companions, and the versions around them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lora_advisor import frameworks, requirements
from lora_advisor.discover import add_companion, companion_paths, discover, take_text
from lora_advisor.findings import mistake
from lora_advisor.frameworks.companions import link, named_paths
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lora_advisor.discover import Discovery
    from lora_advisor.recipe import Recipe
    from lora_advisor.settings import Settings
    from lora_advisor.source.tree import Document
    from lora_advisor.targets import Targets


@record
class Gathered:
    """The material of a run; ``targets`` are the versions that count for each file."""

    discovery: Discovery
    recipes: tuple[Recipe, ...]
    targets: Mapping[str, Targets]


def gather(
    checked: Iterable[str | Path],
    settings: Settings,
    *,
    stdin: tuple[bytes, str] | None = None,
    found: bool = False,
) -> Gathered:
    """Read files and folders, and the companions that the configs among them name.

    ``stdin`` is a config given as text, and its name. ``found`` passes over named files that are
    no config (see :func:`lora_advisor.discover.discover`).
    """
    discovery = discover(checked, settings, found=found)
    if stdin is not None:
        take_text(discovery, *stdin)
    recipes = _read_each(tuple(discovery.documents), settings, discovery)
    recipes += _companions(recipes, discovery, settings)
    folders = {recipe.document.path: Path(recipe.document.path).parent for recipe in recipes}
    asked = {folder: requirements.find(folder) for folder in {*folders.values()}}
    installed = {r.document.path: requirements.installed(r.document) for r in recipes}
    return Gathered(
        discovery=discovery,
        recipes=tuple(link(recipes)),
        targets={
            name: asked[home].updated(installed[name]).updated(settings.targets)
            for name, home in folders.items()
        },
    )


def read(documents: Iterable[Document], settings: Settings) -> list[Recipe]:
    """Read every recipe of the documents, each in the format it is in or is told to be in."""
    return [recipe for document in documents for recipe in _read(document, settings)]


def _read(document: Document, settings: Settings) -> list[Recipe]:
    name = settings.framework_of(document.path)
    return frameworks.read(document, frameworks.by_name(name) if name else None)


def _read_each(
    documents: Iterable[Document], settings: Settings, discovery: Discovery
) -> list[Recipe]:
    """Read the documents of a run; one that leads to a mistake of ours fails by itself."""
    return [r for document in documents for r in _read_or_fail(document, settings, discovery)]


def _read_or_fail(document: Document, settings: Settings, discovery: Discovery) -> list[Recipe]:
    try:
        return _read(document, settings)
    except Exception as error:  # noqa: BLE001 - the other files are still checked
        discovery.failures.append(mistake(document.path, error))
        return []


def _companions(
    recipes: Iterable[Recipe], discovery: Discovery, settings: Settings
) -> list[Recipe]:
    before = len(discovery.documents)
    for recipe in recipes:
        for path in companion_paths(named_paths(recipe), recipe.document.path):
            if settings.excluded(path) is None:
                add_companion(discovery, path)
    return _read_each(discovery.documents[before:], settings, discovery)
