"""Rules of a team's own: folders of cards that settings name, validated before they are used.

A card is data. Its condition is in the closed language, its texts are filled in a sandbox, so a
repository may bring rules without anybody's code being run. Validating needs the extra ``[rules]``.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from lora_advisor import source
from lora_advisor.checking import check_documents
from lora_advisor.expression import names, parse
from lora_advisor.facts import functions as facts
from lora_advisor.pattern import pattern
from lora_advisor.recipe import FIELDS
from lora_advisor.record import record, replace
from lora_advisor.render import TextError, refuse_text
from lora_advisor.rules import OwnRulesError, load, read_card
from lora_advisor.settings import Settings, known_framework
from lora_advisor.source.errors import SourceError
from lora_advisor.targets import CURRENT, from_options

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from lora_advisor.cards import Card, Example
    from lora_advisor.findings import Report
    from lora_advisor.plugins import Plugin

OURS: Final = "LA"
_VERSIONS: Final = pattern(r"(?:^|,) *(?:[<>]=?|[=!]=|~=) *[0-9][0-9.]* *(?=,|$)")
_FORMS: Final = {
    "name": pattern(r"[a-z0-9]+(-[a-z0-9]+)+"),
    "code": pattern(r"[A-Z]{2,8}\d{3}"),
    "area": pattern(r"[a-z][a-z0-9_-]*"),
}
FILE_NAMES: Final = {
    "peft": "adapter_config.json",
    "deepspeed": "ds_config.json",
    **dict.fromkeys(("trl-python", "peft-python", "transformers-python", "unsloth"), "train.py"),
}


def validated(
    folder: Path, plugin: Plugin | None = None, others: Iterable[Card] = ()
) -> dict[Path, Card]:
    """Read the cards of a folder (``AREA/NAME.yaml``); :class:`OwnRulesError` if one is wrong.

    ``plugin`` is the one that brings them, ``others`` are cards that run beside them.
    """
    files = sorted(folder.glob("*/*.yaml"))
    if not files:
        raise OwnRulesError(f"{folder}: no rule cards (AREA/NAME.yaml) in this folder")
    functions = plugin.functions if plugin is not None else {}
    found = {path: _card(path, folder, functions) for path in files}
    taken = {name for rule in load() for name in (rule.code, rule.name)}
    taken |= {name for card in others for name in (card.id, card.name)}
    for path, card in found.items():
        for name in (card.id, card.name):
            if name in taken:
                raise OwnRulesError(f"{path}: another rule is called {name}")
            taken.add(name)
    return found


def validate(settings: Settings) -> None:
    """Read the cards that settings and plugins bring before any of them runs."""
    found: list[Card] = []
    for folder in settings.rules:
        found += validated(folder, None, found).values()
    for plugin in settings.plugins:
        found += validated(plugin.cards, plugin, found).values()


def _card(path: Path, folder: Path, functions: Collection[str]) -> Card:
    try:
        from lora_advisor.cards import Card  # an extra
    except ModuleNotFoundError:
        hint = "pip install 'lora-advisor[rules]'"
        raise OwnRulesError(f"rules of one's own need pydantic: {hint}") from None
    try:
        card = Card.model_validate(_data(path, folder), context={"functions": functions})
        _refuse_unknown(card, path, functions)
    except OSError as error:
        raise OwnRulesError(f"{path}: {error.strerror}") from None
    except (ValueError, TextError) as error:
        raise OwnRulesError(f"{path}: {_first(error)}") from None
    return card


def _data(path: Path, folder: Path) -> dict[str, Any]:
    """Read a card as plain data, within the bounds of any config; its links lead nowhere else."""
    from yaml import YAMLError  # few runs read cards

    if not path.resolve().is_relative_to(folder.resolve()):
        raise OwnRulesError(f"{path}: leads out of its folder")
    try:
        source.parse(path.read_bytes(), str(path), "yaml")
        data = read_card(path)
    except SourceError as error:
        place = f":{error.line}:{error.column or 1}" if error.line else ""
        raise OwnRulesError(f"{path}{place}: {error.message}") from None
    except YAMLError as error:
        raise OwnRulesError(f"{path}: {' '.join(str(error).split())}") from None
    if any(_steers(text) for text in _strings(data)):
        raise OwnRulesError(f"{path}: control characters, which could steer a terminal")
    return data


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in (*value, *value.values()):
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def _steers(text: str) -> bool:
    return any(unicodedata.category(sign) in ("Cc", "Cf") and sign not in "\n\t" for sign in text)


def _first(error: Exception) -> str:
    """Say what a validation met first, and how much more there is."""
    if not hasattr(error, "errors"):
        return str(error)
    met: list[dict[str, Any]] = error.errors()
    place = ".".join(str(part) for part in met[0]["loc"])
    more = f" (and {len(met) - 1} more)" if len(met) > 1 else ""
    return f"{place}: {met[0]['msg']}{more}"


def _refuse_unknown(card: Card, path: Path, functions: Collection[str]) -> None:
    if card.id.startswith(OURS):
        raise OwnRulesError(f"{path}: codes that begin with {OURS} are lora-advisor's own")
    if path.stem != card.name:
        raise OwnRulesError(f"{path}: the card is called {card.name}, and so must its file be")
    known = {*FIELDS, *facts()}
    for name in _asked(card, functions):
        if name not in known and name != "item" and not name.startswith("item."):
            raise OwnRulesError(f"{path}: no field and no fact is called {name!r}")
    for name in card.frameworks:
        known_framework(name)
    for package, versions in card.holds_for.items():
        _refuse_versions(package, versions)
    for text in _texts(card):
        refuse_text(text)


def _asked(card: Card, functions: Collection[str]) -> Iterator[str]:
    """Yield every field and fact that a card names."""
    yield from names(parse(card.when, functions))
    for lowered in filter(None, (card.warning_when, card.info_when)):
        yield from names(parse(lowered, functions))
    yield from [card.each] if card.each else []
    yield from [card.at] if isinstance(card.at, str) else card.at
    for fix in card.fix:
        yield from (*fix.set, *fix.unset, *fix.listed)


def _refuse_versions(package: str, versions: str) -> None:
    if package not in CURRENT:
        raise ValueError(f"holds-for: unknown package {package!r}")
    if _VERSIONS.sub("", versions):
        raise ValueError(f'holds-for: {versions!r} is no range of versions, such as ">=0.15"')


def _texts(card: Card) -> Iterator[str]:
    """Yield the texts of a card that are filled in."""
    yield card.message
    for fix in card.fix:
        yield fix.title
        yield from (text for text in (fix.rename, fix.value, fix.entry, fix.insert) if text)
        yield from (text for text in fix.set.values() if isinstance(text, str))


@record
class Trial:
    """One example of a card, checked: ``problem`` is empty where it does what it shows."""

    path: Path
    rule: str
    kind: str
    number: int
    problem: str


def trials(folder: Path, plugin: Plugin | None = None) -> Iterator[Trial]:
    """Check every example of every card of a folder."""
    own = Settings(plugins=(plugin,)) if plugin is not None else Settings(rules=(folder,))
    for path, card in validated(folder, plugin).items():
        for kind, examples in (("bad", card.examples.bad), ("good", card.examples.good)):
            for number, example in enumerate(examples, 1):
                problem = _problem(card, example, own, bad=kind == "bad")
                yield Trial(path=path, rule=card.name, kind=kind, number=number, problem=problem)


def _problem(card: Card, example: Example, own: Settings, *, bad: bool) -> str:
    try:
        report = _checked(example, own)
    except SourceError as error:
        return f"cannot be read: {error.message}"
    found = [finding for finding in report.findings if finding.code == card.id]
    if not bad:
        return "is reported, and should not be" if found else ""
    if not found:
        return f"is not reported{_because(card, report)}"
    places = [finding.path for finding in found]
    if example.at is not None and example.at not in places:
        return f"is reported at {', '.join(places)}, not at {example.at}"
    return ""


def _because(card: Card, report: Report) -> str:
    reasons: Iterable[str] = (s.reason for s in report.skipped if s.code == card.id)
    reason = next(iter(reasons), "")
    return f": it could not be decided ({reason})" if reason else ""


def _checked(example: Example, own: Settings) -> Report:
    name = example.file or FILE_NAMES.get(example.framework, "config.yaml")
    texts = {name: example.text, **example.with_files}
    documents = [source.parse(text, path) for path, text in texts.items()]
    targets = from_options(f"{package}={version}" for package, version in example.target.items())
    forced = None if example.with_files else example.framework
    settings = replace(own, framework=forced, targets=targets, pedantic=True)
    return check_documents(documents, settings)


def refuse_names(name: str, code: str, area: str) -> None:
    """Raise :class:`OwnRulesError` for names that no card can have."""
    for said, text, form in (
        ("name", name, "several words with dashes, such as rank-above-64"),
        ("code", code, "capitals and three digits, such as TEAM001"),
        ("area", area, "a word, such as team"),
    ):
        if not _FORMS[said].fullmatch(text) or text.startswith(OURS):
            raise OwnRulesError(f"{said} {text!r}: expected {form}")


def scaffold(name: str, code: str) -> str:
    """Return a card to start from: a rule about the rank, whose examples do what they show."""
    return f"""\
id: {code}
name: {name}
since: 1.0.0
status: stable
severity: warning
evidence: practice
summary: What is wrong, in one sentence.
when: lora.enabled and lora.r > 64
at: lora.r
message: "`{{{{ key.lora.r }}}}: {{{{ lora.r }}}}` is above what we use. Write 64 or less."
why: |
  Why it matters, in two or three sentences that a reader learns from.
references:
  - https://example.org/our-guide
examples:
  bad:
    - framework: trl
      at: lora_r
      text: |
        model_name_or_path: Qwen/Qwen3-8B
        use_peft: true
        lora_r: 128
  good:
    - framework: trl
      text: |
        model_name_or_path: Qwen/Qwen3-8B
        use_peft: true
        lora_r: 16
"""
