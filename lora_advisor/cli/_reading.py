"""Reading the one config that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_advisor.cli._errors import CannotRunError
from lora_advisor.cli._options import inputs, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from lora_advisor.recipe import Recipe


def recipe_of(path: Path, options: dict[str, Any], *, lost: str) -> Recipe:
    """Return the recipe of a file, of several the first that trains an adapter.

    Raises:
        CannotRunError: The file cannot be read, or has none; ``lost`` says what cannot be done.
    """
    from lora_advisor.console import remark
    from lora_advisor.gather import gather

    named, stdin = inputs([path], options)
    gathered = gather(named, settings_of([path], {**options, "model": None}), stdin=stdin)
    discovery = gathered.discovery
    remark(discovery.failures, discovery.notices, verbose=options["verbose"])
    own = [recipe for recipe in gathered.recipes if recipe.document.path in discovery.named]
    if not own and discovery.failures:
        raise CannotRunError(f"{path} cannot be read")
    if not own:
        raise CannotRunError(f"{path} is in no known config format, so {lost}")
    return next((recipe for recipe in own if recipe["lora.enabled"].value is True), own[0])
