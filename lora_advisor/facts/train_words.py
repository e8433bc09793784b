"""Facts of the words of a command: those that no flag takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import item, runs_sd_script
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.known import known_keys
from lora_advisor.pattern import pattern
from lora_advisor.source.tree import Scalar, Sequence

if TYPE_CHECKING:
    from lora_advisor.frameworks.schemas import Key
    from lora_advisor.recipe import Item, Recipe, WrittenKey

_LISTS: Final = frozenset(
    {"text_encoder_lr", "network_args", "optimizer_args", "lr_scheduler_args"}
    | {"base_weights", "base_weights_multiplier"}
)
"""Flags of kohya's scripts that take any number of words."""
_ONE: Final = frozenset({"bool", "int", "float", "str", "none", "dict"})
"""What ``HfArgumentParser`` reads from one word at most; a list takes more."""
_OWN_COMMANDS: Final = pattern(r"runs (?!.*\.py$).+|runs (?:train_bash|launcher)\.py")
"""Commands whose own parser reads the flags, not that of a program built on the library."""
_OVER_FILE: Final = pattern(r"runs .+\.(?:ya?ml|json)")
_WORD: Final = pattern(r"\w[\w.,:/-]*")


def left_over(recipe: Recipe) -> tuple[Item, ...]:
    """Flags with more words behind them than they take; the hint is them as one word.

    A switch of kohya's scripts takes none, and has no hint. Source: ``add_argument`` of
    ``train_network.py`` and ``library/train_util.py``, ``transformers.HfArgumentParser``.
    """
    framework = by_name(recipe.framework)
    if framework is None or not _stops_at_words(recipe):
        return ()
    flags = known_keys(framework)
    found = []
    for key in recipe.keys:
        words = _words(key) if key.name in flags else []
        most = _takes(flags[key.name], recipe.framework) if words else 0
        if words and most == 0:
            found.append(item(key, words[0]))
        elif words and most == 1 and len(words) > 1:
            found.append(item(key, words[1], _joined(words)))
    return tuple(found)


def _stops_at_words(recipe: Recipe) -> bool:
    """Whether the command's own parser is known, and refuses words that are left over."""
    if recipe.framework in ("llamafactory", "trl"):
        return _OWN_COMMANDS.fullmatch(recipe.evidence) is not None
    return runs_sd_script(recipe)


def _takes(flag: Key, framework: str) -> int | None:
    """Return how many words a flag takes, None where it is any number or not known."""
    if framework == "kohya":
        return None if flag.name in _LISTS else int(flag.type != "bool")
    kinds = set((flag.type or "any").split("|"))
    return 1 if kinds <= _ONE else None


def _words(key: WrittenKey) -> list[str]:
    """Return the words of a flag, none where one of them may be another thing to the shell."""
    nodes = key.node.items if isinstance(key.node, Sequence) else (key.node,)
    alone = nodes[0].span == key.key_at.span
    texts = [node.text for node in nodes if isinstance(node, Scalar) and node.tag is None]
    return texts if not alone and all(map(_WORD.fullmatch, texts)) else []


def _joined(words: list[str]) -> str:
    """Write words as one: numbers with commas closely, others in quotes."""
    listed = all(word.endswith(",") for word in words[:-1])
    return "".join(words) if listed else f'"{" ".join(words)}"'


def dashed_overrides(recipe: Recipe) -> tuple[Item, ...]:
    """Flags behind the config file of LLaMA-Factory, which takes ``name=value`` there.

    Source: ``llamafactory.hparams.parser.read_args``, which reads them with OmegaConf; the name
    keeps its dashes, and the value is a name of its own. Older releases read a file
    only where nothing stands behind it.
    """
    if recipe.framework != "llamafactory" or not _OVER_FILE.fullmatch(recipe.evidence):
        return ()
    starts = ((key, key.key_at.span.start) for key in recipe.keys)
    text = recipe.document.text
    return tuple(item(key) for key, start in starts if text[start - 2 : start] == "--")
