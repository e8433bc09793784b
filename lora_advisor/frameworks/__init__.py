"""Config formats: which one a file is in, and the recipe it states.

Every module of this package that has a ``FRAMEWORKS`` tuple adds formats; they are asked in the
order of their ``rank``, surest sign first.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from lora_advisor import stored
from lora_advisor.frameworks.draft import Draft
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Document


def frameworks() -> tuple[Framework, ...]:
    """Return every known format in the order of recognition."""
    return tuple(in_order())


def in_order() -> Iterator[Framework]:
    """Yield the formats in the order of recognition, each imported when it is reached."""
    for name in _modules():
        yield _imported(name)


def by_name(name: str) -> Framework | None:
    """Return the format of that name (``axolotl``), None if there is none."""
    return _imported(name) if name in _modules() else None


@cache
def _imported(name: str) -> Framework:
    module = importlib.import_module(f"{__name__}.{_modules()[name]}")
    formats: tuple[Framework, ...] = module.FRAMEWORKS
    return next(framework for framework in formats if framework.name == name)


@cache
def _modules() -> dict[str, str]:
    """Return the module of every format in the order of recognition, as a build stored it."""
    known: dict[str, str] | None = stored.part("formats")
    return known or modules()


def modules() -> dict[str, str]:
    """Import every module of this package to find each format's, in the order of recognition."""
    found: list[tuple[int, str, str]] = []
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        formats: tuple[Framework, ...] = getattr(module, "FRAMEWORKS", ())
        found += [(framework.rank, framework.name, module_info.name) for framework in formats]
    found.sort(key=lambda entry: entry[0])
    return {name: module for _, name, module in found}


def read(document: Document, forced: Framework | None = None) -> list[Recipe]:
    """Read every recipe of a document and its parts; none when it is in no known format.

    ``forced`` skips recognition (``--framework``).
    """
    recipes = _read(document, forced)
    for part in document.parts:
        recipes += _read(part, None)
    return recipes


def _read(document: Document, forced: Framework | None) -> list[Recipe]:
    if document.format == "python":
        from lora_advisor.frameworks import python  # it needs ast, YAML does not

        return python.read(document)
    if document.format == "shell":
        from lora_advisor.frameworks import shell  # few runs meet a script

        return shell.read(document)
    recipes = []
    for root in document.roots:
        if not isinstance(root, Mapping):
            continue
        if forced is not None:
            recipes.append(Draft(forced, document, root, "as told").recipe())
            continue
        for framework in in_order():
            evidence = framework.recognise(root, document)
            if evidence:
                recipes.append(Draft(framework, document, root, evidence).recipe())
                break
    return recipes
