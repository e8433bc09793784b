"""``ensure_weight_tying``: what PEFT does with layers that share the input embedding's weight.

Source: ``_check_tied_modules``, ``_add_targets_to_tie`` and ``_add_modules_to_save_to_tie`` of PEFT
0.21.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.models import releases
from lora_advisor.models.adapter import UnresolvedError
from lora_advisor.models.matching import compiled
from lora_advisor.record import record, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.models.adapter import AdapterConfig
    from lora_advisor.models.table import ModuleTable

EMBEDDINGS: Final = ("embed_tokens", "lm_head")


@record
class Tying:
    """The config with the tied layers taken out, and the layers that are tied afterwards.

    ``lost`` says that layers are to be tied to an embedding that is not saved.
    """

    config: AdapterConfig
    targets: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()
    lost: bool = False


def tied(config: AdapterConfig, table: ModuleTable) -> Tying:
    """Take tied layers out of targets or modules to save when tying is asked for.

    A text that is no regular expression is refused here, whatever is asked for; before 0.19, only
    when modules are matched.
    """
    if isinstance(config.target_modules, str) and config.release >= releases.TYING_OF_TARGETS:
        compiled(config.target_modules)
    embedding = table.input_embedding
    if config.ensure_weight_tying:
        _refuse_to_guess(config, table)
    if not (config.ensure_weight_tying and table.tied_modules and embedding):
        return Tying(config=config)
    saved = config.modules_to_save or ()
    if config.release < releases.TYING_OF_TARGETS:
        return _tied_to_saved(config, table, embedding)
    if any(name.split(".")[-1] in EMBEDDINGS for name in saved):
        names = _without(dict.fromkeys([*saved, embedding]), table.tied_modules)
        config = replace(config, modules_to_save=names)
        return Tying(config=config, saved=table.tied_modules)
    if not _targets_embedding(config.target_modules):
        return Tying(config=config)
    if isinstance(config.target_modules, str):
        text = rf"(?:{config.target_modules}|^{re.escape(embedding)}$)"
        config = replace(config, target_modules=text)
    else:
        wanted = dict.fromkeys([*(config.target_modules or ()), embedding])
        config = replace(config, target_modules=_without(wanted, table.tied_modules))
    return Tying(config=config, targets=table.tied_modules)


def _refuse_to_guess(config: AdapterConfig, table: ModuleTable) -> None:
    """Abstain where a release ties what could be tied: the table names what is."""
    if config.release >= releases.TYING_ASKS_THE_CONFIG or table.tied_modules:
        return
    saved = any(name.split(".")[-1] in EMBEDDINGS for name in config.modules_to_save or ())
    if saved or _targets_embedding(config.target_modules):
        raise UnresolvedError("which layers could be tied is not known, only which are")


def _tied_to_saved(config: AdapterConfig, table: ModuleTable, embedding: str) -> Tying:
    """Tie as 0.18 did: to a saved embedding only, and without looking at the targets."""
    saved = config.modules_to_save or ()
    if not any(name in EMBEDDINGS for name in saved):
        return Tying(config=config)
    rest = tuple(name for name in table.tied_modules if name not in saved)
    return Tying(config=config, saved=rest, lost=not embedding.endswith(saved))


def _targets_embedding(targets: tuple[str, ...] | str | None) -> bool:
    if isinstance(targets, str):
        return any(compiled(targets).fullmatch(name) for name in EMBEDDINGS)
    return any(name.split(".")[-1] in EMBEDDINGS for name in targets or ())


def _without(names: Iterable[str], tied_modules: Iterable[str]) -> tuple[str, ...]:
    """Drop, for each tied module, the first name that it lies under."""
    kept = list(names)
    for key in tied_modules:
        hit = next((n for n in kept if re.match(rf"(^|.*\.){n}($|\..*)", key)), None)
        if hit is not None:
            kept.remove(hit)
    return tuple(kept)
