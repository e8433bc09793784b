"""What the server knows of a text: its findings, its recipes, and the facts that follow."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lora_advisor import plugins
from lora_advisor import settings as project
from lora_advisor.checking import check_paths, lookup
from lora_advisor.facts import Facts
from lora_advisor.gather import gather
from lora_advisor.own_rules import validate
from lora_advisor.record import record, replace
from lora_advisor.rules import OwnRulesError
from lora_advisor.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pygls.workspace import TextDocument

    from lora_advisor.findings import Report
    from lora_advisor.recipe import Recipe


@record
class Look:
    """One state of one text: ``facts`` belong to the recipes of the text, one for one."""

    settings: Settings
    report: Report
    path: str
    recipes: tuple[Recipe, ...]
    facts: tuple[Facts, ...]


def look(document: TextDocument) -> Look:
    """Check a text as the editor holds it."""
    return _look(document.source, document.path or document.uri)


@lru_cache(maxsize=32)
def _look(text: str, path: str) -> Look:
    settings = _settings(path)
    data = text.encode("utf-8", "surrogatepass")
    report = check_paths((), settings, stdin=(data, path))
    gathered = gather((), settings, stdin=(data, path))
    own = tuple(recipe for recipe in gathered.recipes if recipe.document.path == path)
    targets = gathered.targets.get(path, settings.targets)
    facts = tuple(Facts(recipe, targets, modules=lookup(path, settings)) for recipe in own)
    return Look(settings=settings, report=report, path=path, recipes=own, facts=facts)


def _settings(path: str) -> Settings:
    """Read the settings of the text's project; a broken file must not stop the server."""
    try:
        named = os.environ.get(plugins.VARIABLE, "").split()
        own = replace(project.nearest([Path(path)]), plugins=plugins.load(named))
        if own.rules or own.plugins:
            validate(own)
    except (SettingsError, OwnRulesError, plugins.PluginError):
        return Settings()
    return own
