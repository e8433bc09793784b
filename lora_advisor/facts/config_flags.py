"""Facts of the flags on a command line: words they lack or leave over, and lines cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import item, reader_of, runs_sd_script
from lora_advisor.frameworks.known import known_keys
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, Location
from lora_advisor.source.shell import COMMAND, SCRIPT
from lora_advisor.source.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.schemas import Key
    from lora_advisor.recipe import Recipe, WrittenKey
    from lora_advisor.source.tree import Entry, Node

_BY_NAME: Final = frozenset({"autotrain", "diffusers", "kohya", "openrlhf"})
"""Formats whose lists tell switches from flags with a word, and no more of their types."""
_BY_TYPE: Final = frozenset({"llamafactory", "ms-swift", "trl"})
_ONE_WORD: Final = frozenset({"int", "float", "str", "dict", "none"})
_OWN_COMMANDS: Final = pattern(r"runs (?!.*\.py$).+|runs (?:train_bash|launcher)\.py")
"""Commands whose own parser reads the flags, not that of a program built on the library."""
_OVER_FILE: Final = pattern(r"runs .+\.(?:ya?ml|json)")
_WORD: Final = pattern(r"\w[\w.,:/-]*")
_ANY_NUMBER: Final = frozenset(
    {"base_weights", "base_weights_multiplier", "lr_scheduler_args", "network_args"}
    | {"optimizer_args", "resume_from_checkpoint", "text_encoder_lr", "push_to_hub"}
    | {"report_to", "vae_encode_mode", "attn_implementation"}
)
"""Flags that some of these programs also take without a word."""


def words_left_out(recipe: Recipe) -> tuple[Item, ...]:
    """Flags without the word that argparse expects behind them."""
    framework = reader_of(recipe)
    if framework is None or recipe.document.format != "shell":
        return ()
    known = known_keys(framework) if framework.name in _BY_NAME | _BY_TYPE else {}
    return tuple(
        item(key)
        for key in recipe.keys
        if key.name in known and key.name not in _ANY_NUMBER
        if isinstance(key.node, Scalar) and key.node.span == key.key_at.span
        if _takes_a_word(known[key.name], framework.name in _BY_NAME)
    )


def left_over(recipe: Recipe) -> tuple[Item, ...]:
    """Flags with more words behind them than they take; the hint is them as one word.

    A switch takes none, and has no hint; a word behind the script belongs to no flag and names
    itself. Source: ``add_argument`` and ``parse_args`` of the scripts,
    ``transformers.HfArgumentParser``.
    """
    framework = reader_of(recipe)
    if framework is None or recipe.document.format != "shell":
        return ()
    switches = framework.name in _BY_NAME
    if not _stops_at_words(recipe):
        return ()
    known = known_keys(framework) if switches or framework.name in _BY_TYPE else {}
    found = [*_behind_script(recipe)]
    for key in recipe.keys:
        words = _words(key) if key.name in known and key.name not in _ANY_NUMBER else []
        if words and switches and known[key.name].type == "bool":
            found.append(item(key, words[0]))
        elif len(words) > 1 and _takes_one(known[key.name], switches):
            found.append(item(key, words[1], _joined(words)))
    return tuple(found)


def _behind_script(recipe: Recipe) -> Iterator[Item]:
    """Yield the script that a launcher's command names a second time."""
    first = min((key.key_at.span.start for key in recipe.keys), default=0)
    roots = (root for root in recipe.document.roots if isinstance(root, Mapping))
    root = next((root for root in roots if root.span.start <= first <= root.span.end), None)
    named = [entry for entry in root.entries if entry.key.text in (COMMAND, SCRIPT)] if root else []
    nodes = [node for entry in named for node in _nodes(entry.value)]
    scripts = [node for node in nodes if isinstance(node, Scalar) and node.text.endswith(".py")]
    for node in scripts[1:]:
        if node.tag is None and node.text == scripts[0].text:
            at = Location(document=recipe.document, span=node.span)
            yield Item(path=node.text, at=at, value=node.text)


def _nodes(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else (node,)


def _stops_at_words(recipe: Recipe) -> bool:
    """Whether the command's own parser is known, and refuses words that are left over."""
    if recipe.framework in ("llamafactory", "trl"):
        return _OWN_COMMANDS.fullmatch(recipe.evidence) is not None
    return recipe.framework != "kohya" or runs_sd_script(recipe)


def _takes_one(key: Key, listed: bool) -> bool:
    """Whether a flag is known to take one word at most."""
    return key.type == "bool" or _takes_a_word(key, listed)


def _words(key: WrittenKey) -> list[str]:
    """Return the words of a flag, none where one of them may be another thing to the shell."""
    nodes = _nodes(key.node)
    alone = nodes[0].span == key.key_at.span
    texts = [node.text for node in nodes if isinstance(node, Scalar) and node.tag is None]
    return texts if not alone and all(map(_WORD.fullmatch, texts)) else []


def _joined(words: list[str]) -> str:
    """Write words as one: numbers with commas closely, others in quotes."""
    listed = all(word.endswith(",") for word in words[:-1])
    return "".join(words) if listed else f'"{" ".join(words)}"'


def cut_off(recipe: Recipe) -> tuple[Item, ...]:
    """Return the first flag of a line that begins with one: its command ended a line before."""
    if recipe.document.format != "shell" or not recipe.keys:
        return ()
    if recipe.evidence == "runs ":
        first = recipe.keys[0]
        early = _ends_early(recipe.document.text, first.key_at.span.start)
        return (item(first),) if early else ()
    last = max(key.key_at.span.end for key in recipe.keys)
    roots = (root for root in recipe.document.roots if isinstance(root, Mapping))
    following = next((root for root in roots if root.span.start >= last), None)
    entry = _first_flag(following) if following is not None else None
    if entry is None or not _ends_early(recipe.document.text, entry.key.span.start):
        return ()
    at = Location(document=recipe.document, span=entry.key.span)
    return (Item(path=entry.key.text, at=at),)


def _ends_early(text: str, start: int) -> bool:
    """Whether a flag begins a line of a command whose other lines are continued by backslashes.

    Other shells have other signs for that, and what is in angle brackets is to be filled in.
    """
    begins = text.rfind("\n", 0, start) + 1
    block = text[:begins].rstrip().rpartition("\n\n")[2]
    slip = block[-1:] not in ("^", "`") and "<" not in block
    return not text[begins:start].strip(" \t-") and slip and "\\\n" in block


def _first_flag(root: Mapping) -> Entry | None:
    """Return the first flag of a command that has no name."""
    command, *flags = root.entries or (None,)
    name = command.value if command is not None else None
    unnamed = isinstance(name, Sequence) and not name.items
    return flags[0] if unnamed and flags else None


def _takes_a_word(key: Key, listed: bool) -> bool:
    """Whether a flag is known to need a word: one that is no switch, or of a type that has one."""
    if key.type is None or key.type == "any":
        return listed
    return set(key.type.split("|")) <= _ONE_WORD


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
