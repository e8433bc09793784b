"""From what the user names to what is inspected: a config, a model's folder, or a model's id."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._base import table_of
from lora_advisor.facts._sizing import adapter_of, setup_of
from lora_advisor.inspect import Subject
from lora_advisor.models.adapter import AdapterConfig, from_mapping
from lora_advisor.models.locate import CONFIG, ModelError, known, model_in
from lora_advisor.models.lookup import HINT, Lookup
from lora_advisor.models.memory_setup import Setup
from lora_advisor.models.releases import release_of
from lora_advisor.models.tasks import table_for
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.locate import BaseModel
    from lora_advisor.recipe import Recipe
    from lora_advisor.settings import Settings
    from lora_advisor.targets import Targets

BATCH: Final = 1
LENGTH: Final = 2048
RANK: Final = 16


class SubjectError(Exception):
    """What was named cannot be inspected; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Wishes:
    """What the command line puts over a config, or beside a model; None where it says nothing."""

    targets: str | None = None
    lora: Path | None = None
    auto_class: str | None = None
    batch: int | None = None
    length: int | None = None
    bits: int | None = None


def is_model(path: Path) -> bool:
    """Whether a path is a model's folder, or a model's ``config.json`` itself."""
    try:
        return (path / CONFIG).is_file() or (path.name == CONFIG and _names_type(path))
    except OSError:
        return False


def _names_type(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "model_type" in content


def of_model(name: str, wishes: Wishes, settings: Settings) -> Subject:
    """Return a model under the adapter of the command line; what is not said is assumed aloud.

    Raises:
        SubjectError: The modules of the model are not known.
    """
    model = _model(name, settings)
    config, assumed = _adapter(wishes)
    table = table_for(config.task_type, wishes.auto_class, model.table)
    if table is None:
        said = model.refusal(wishes.auto_class) or f"nor is {model.model_type!r} known"
        raise SubjectError(f"the modules of {name} are not known: {said}")
    config = replace(config, release=release_of(settings.targets.get("peft").high))
    if not table.sized or not table.complete:
        note = "the model's sizes are not known"
        return Subject(title=name, table=table, config=config, note=note, assumed=assumed)
    setup = Setup(
        table=table,
        config={**(model.entry or {}).get("config", {}), **model.config},
        bits=wishes.bits or 16,
        batch=wishes.batch or BATCH,
        length=wishes.length or LENGTH,
        checkpointing=True,
        dropout=config.lora_dropout,
    )
    return Subject(
        title=name,
        table=table,
        config=config,
        setup=setup,
        assumed=(*assumed, *_assumed(wishes)),
    )


def _model(name: str, settings: Settings) -> BaseModel:
    path = Path(name)
    try:
        if path.name == CONFIG and path.is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            found: BaseModel | None = known(content, str(path), path.parent)
        else:
            named = Lookup(given=settings.model, fetches=settings.fetches)
            found = model_in(path) if path.is_dir() else named.model(name)
    except (ModelError, OSError, ValueError) as error:
        raise SubjectError(str(error)) from None
    if found is None:
        raise SubjectError(f"{name} is no file, no model's folder and no known model's id; {HINT}")
    return replace(found, builds=True)


def _adapter(wishes: Wishes) -> tuple[AdapterConfig, tuple[str, ...]]:
    if wishes.lora is not None:
        return _overridden(_from_file(wishes.lora), wishes), ()
    config = AdapterConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear")
    if wishes.targets is not None:
        return _overridden(config, wishes), (f"rank {RANK}",)
    return config, (f"target_modules all-linear with rank {RANK}",)


def _assumed(wishes: Wishes) -> tuple[str, ...]:
    found = [] if wishes.batch else [f"batch {BATCH}"]
    found += [] if wishes.length else [f"{LENGTH} tokens"]
    bits = "" if wishes.bits else "16-bit base, "
    return (*found, f"{bits}bf16 autocast, AdamW, recomputed activations")


def _from_file(path: Path) -> AdapterConfig:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise SubjectError(f"{path}: expected a LoraConfig as a JSON object")
        return from_mapping(content)
    except (OSError, ValueError, RecursionError) as error:
        raise SubjectError(f"{path}: cannot be read: {error}") from None


def _overridden(config: AdapterConfig, wishes: Wishes) -> AdapterConfig:
    if wishes.targets is None:
        return config
    names = tuple(name.strip() for name in wishes.targets.split(",") if name.strip())
    regex = len(names) == 1 and any(sign in names[0] for sign in "*\\()[]|^$")
    whole = names == ("all-linear",) or regex
    return replace(config, target_modules=names[0] if whole else names)


def of_recipe(recipe: Recipe, wishes: Wishes, settings: Settings, targets: Targets) -> Subject:
    """Return the base model of a config under its adapter; SubjectError where it is not known."""
    file = recipe.document.path
    near = Path(file).parent
    modules = Lookup(given=settings.model, near=near, builds=True, fetches=settings.fetches)
    try:
        table = table_of(recipe, modules, targets)
        config = _from_file(wishes.lora) if wishes.lora is not None else adapter_of(recipe)
    except UnknownValueError as error:
        raise SubjectError(f"{file}: {error}") from None
    config = replace(_overridden(config, wishes), release=release_of(targets.get("peft").high))
    setup, note = _setup(recipe, modules, targets)
    name = recipe["model.name_or_path"].value
    return Subject(
        title=f"{file}: {name}" if isinstance(name, str) else file,
        table=table,
        config=config,
        setup=_wished(setup, wishes) if setup is not None else None,
        note=note,
        keys=_keys(recipe),
    )


def _keys(recipe: Recipe) -> dict[str, str]:
    """Return how the config's format spells fields; axolotl fuses the loss by a plugin's switch."""
    keys = {field: value.key for field, value in recipe.values.items() if value.key}
    if recipe.framework == "axolotl":
        keys["train.use_liger_kernel"] = "cut_cross_entropy"
    return keys


def _setup(recipe: Recipe, modules: Lookup, targets: Targets) -> tuple[Setup | None, str]:
    try:
        return setup_of(recipe, modules, targets), ""
    except UnknownValueError as error:
        return None, str(error)


def _wished(setup: Setup, wishes: Wishes) -> Setup:
    changed: dict[str, Any] = {
        "batch": wishes.batch,
        "length": wishes.length,
        "bits": wishes.bits,
    }
    return replace(setup, **{name: value for name, value in changed.items() if value is not None})
