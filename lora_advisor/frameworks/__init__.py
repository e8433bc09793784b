"""Config formats: which one a file is in, and the recipe it states.

Every module of this package that has a ``FRAMEWORKS`` tuple adds formats; they are asked in the
order of their ``rank``, surest sign first.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from lora_advisor.frameworks.draft import Draft
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Document


@cache
def frameworks() -> tuple[Framework, ...]:
    """Return every known format in the order of recognition."""
    found: list[Framework] = []
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        found.extend(getattr(module, "FRAMEWORKS", ()))
    return tuple(sorted(found, key=lambda framework: framework.rank))


def by_name(name: str) -> Framework | None:
    """Return the format of that name (``axolotl``), None if there is none."""
    return _named().get(name)


@cache
def _named() -> dict[str, Framework]:
    return {framework.name: framework for framework in reversed(frameworks())}


def read(document: Document, forced: Framework | None = None) -> list[Recipe]:
    """Read every recipe of a document; none when it is in no known format.

    ``forced`` skips recognition (``--framework``).
    """
    if document.format == "python":
        from lora_advisor.frameworks import python  # noqa: PLC0415  # it needs ast, YAML does not

        return python.read(document)
    if document.format == "shell":
        from lora_advisor.frameworks import shell  # noqa: PLC0415  # few runs meet a script

        return shell.read(document)
    recipes = []
    for root in document.roots:
        if not isinstance(root, Mapping):
            continue
        if forced is not None:
            recipes.append(Draft(forced, document, root, "as told").recipe())
            continue
        for framework in frameworks():
            evidence = framework.recognise(root, document)
            if evidence:
                recipes.append(Draft(framework, document, root, evidence).recipe())
                break
    return recipes
