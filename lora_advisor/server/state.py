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
from lora_advisor.own_rules import validate
from lora_advisor.record import record, replace
from lora_advisor.rules import OwnRulesError
from lora_advisor.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pygls.workspace import TextDocument

    from lora_advisor.findings import Report
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets


@record
class Look:
    """One state of one text: what was found in it, and the facts of each of its recipes."""

    settings: Settings
    report: Report
    path: str
    facts: tuple[Facts, ...]

    @property
    def recipes(self) -> list[Recipe]:
        """The recipes of the text."""
        return [facts.recipe for facts in self.facts]


def look(document: TextDocument) -> Look:
    """Check a text as the editor holds it."""
    return _look(document.source, document.path or document.uri)


@lru_cache(maxsize=32)
def _look(text: str, path: str) -> Look:
    settings = _settings(path)
    data = text.encode("utf-8", "surrogatepass")
    facts: list[Facts] = []

    def keep(recipe: Recipe, targets: Targets) -> None:
        if recipe.document.path == path:
            facts.append(Facts(recipe, targets, modules=lookup(path, settings)))

    report = check_paths((), settings, stdin=(data, path), meet=keep)
    return Look(settings=settings, report=report, path=path, facts=tuple(facts))


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
