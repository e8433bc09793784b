"""Rules of a team's own: folders of cards that settings name, validated before they are used.

A card is data. Its condition is in the closed language, its texts are filled in a sandbox, so a
repository may bring rules without anybody's code being run. Validating needs the extra ``[rules]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor import source
from lora_advisor.check import check_documents
from lora_advisor.expression import names, parse
from lora_advisor.facts import functions
from lora_advisor.recipe import FIELDS
from lora_advisor.record import record
from lora_advisor.rules import OwnRulesError, load, read_card
from lora_advisor.settings import Settings
from lora_advisor.source.errors import SourceError
from lora_advisor.targets import from_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lora_advisor.cards import Card, Example
    from lora_advisor.findings import Report

OURS: Final = "LA"
FILE_NAMES: Final = {
    "peft": "adapter_config.json",
    "deepspeed": "ds_config.json",
    **dict.fromkeys(("trl-python", "peft-python", "transformers-python", "unsloth"), "train.py"),
}


def validated(folder: Path) -> dict[Path, Card]:
    """Read the cards of a folder (``AREA/NAME.yaml``); :class:`OwnRulesError` if one is wrong."""
    files = sorted(folder.glob("*/*.yaml"))
    if not files:
        raise OwnRulesError(f"{folder}: no rule cards (AREA/NAME.yaml) in this folder")
    found = {path: _card(path) for path in files}
    taken = {rule.code for rule in load()} | {rule.name for rule in load()}
    for path, card in found.items():
        for name in (card.id, card.name):
            if name in taken:
                raise OwnRulesError(f"{path}: another rule is called {name}")
            taken.add(name)
    return found


def _card(path: Path) -> Card:
    from yaml import YAMLError  # noqa: PLC0415 - few runs read cards

    try:
        from lora_advisor.cards import Card  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        hint = "pip install 'lora-advisor[rules]'"
        raise OwnRulesError(f"rules of one's own need pydantic: {hint}") from None
    try:
        card = Card.model_validate(read_card(path))
    except YAMLError as error:
        raise OwnRulesError(f"{path}: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise OwnRulesError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise OwnRulesError(f"{path}: {_first(error)}") from None
    _refuse_unknown(card, path)
    return card


def _first(error: ValueError) -> str:
    """Say what a validation met first, and how much more there is."""
    if not hasattr(error, "errors"):
        return str(error)
    met: list[dict[str, Any]] = error.errors()
    place = ".".join(str(part) for part in met[0]["loc"])
    more = f" (and {len(met) - 1} more)" if len(met) > 1 else ""
    return f"{place}: {met[0]['msg']}{more}"


def _refuse_unknown(card: Card, path: Path) -> None:
    if card.id.startswith(OURS):
        raise OwnRulesError(f"{path}: codes that begin with {OURS} are lora-advisor's own")
    if path.stem != card.name:
        raise OwnRulesError(f"{path}: the card is called {card.name}, and so must its file be")
    asked = [*names(parse(card.when)), *([card.each] if card.each else [])]
    asked += [*names(parse(card.warning_when))] if card.warning_when else []
    known = {*FIELDS, *functions()}
    for name in asked:
        if name not in known and not name.startswith("item."):
            raise OwnRulesError(f"{path}: no field and no fact is called {name!r}")


@record
class Trial:
    """One example of a card, checked: ``problem`` is empty where it does what it shows."""

    path: Path
    rule: str
    kind: str
    number: int
    problem: str


def trials(folder: Path) -> Iterator[Trial]:
    """Check every example of every card of a folder."""
    for path, card in validated(folder).items():
        for kind, examples in (("bad", card.examples.bad), ("good", card.examples.good)):
            for number, example in enumerate(examples, 1):
                problem = _problem(card, example, folder, bad=kind == "bad")
                yield Trial(path=path, rule=card.name, kind=kind, number=number, problem=problem)


def _problem(card: Card, example: Example, folder: Path, *, bad: bool) -> str:
    try:
        report = _checked(example, folder)
    except SourceError as error:
        return f"cannot be read: {error.message}"
    own = [found for found in report.findings if found.code == card.id]
    if not bad:
        return "is reported, and should not be" if own else ""
    if not own:
        return f"is not reported{_because(card, report)}"
    places = [found.path for found in own]
    if example.at is not None and example.at not in places:
        return f"is reported at {', '.join(places)}, not at {example.at}"
    return ""


def _because(card: Card, report: Report) -> str:
    reasons: Iterable[str] = (s.reason for s in report.skipped if s.code == card.id)
    reason = next(iter(reasons), "")
    return f": it could not be decided ({reason})" if reason else ""


def _checked(example: Example, folder: Path) -> Report:
    name = example.file or FILE_NAMES.get(example.framework, "config.yaml")
    texts = {name: example.text, **example.with_files}
    documents = [source.parse(text, path) for path, text in texts.items()]
    targets = from_options(f"{package}={version}" for package, version in example.target.items())
    forced = None if example.with_files else example.framework
    settings = Settings(framework=forced, targets=targets, pedantic=True, rules=(folder,))
    return check_documents(documents, settings)


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
