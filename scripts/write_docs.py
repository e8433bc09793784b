"""Write what is generated: pages of rules, parameters, formats; ledger, card schema, manual page.

``--check`` writes nothing and fails if a file is not what it should be.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import codes
import jinja2
import ledger
import man_page
import pages
import version_matrix

from lora_advisor.cards import Card, schema
from lora_advisor.reports._pages import named
from lora_advisor.rules import read_card

if TYPE_CHECKING:
    from lora_advisor.cards import Example

ROOT = Path(__file__).parent.parent
RULES = ROOT / "rules"
DOCS = ROOT / "docs"
PAGES = DOCS / "rules"
FOLDERS = (PAGES, DOCS / "parameters", DOCS / "formats")
EVIDENCE = {
    "raises": "the library refuses it (executed)",
    "silent": "the library takes it and does something else (executed)",
    "documented": "the documentation of the library",
    "paper": "a paper",
    "practice": "practice",
}
INDEX_HEAD = """# Rules

Generated from the cards under `rules/`. `lora-advisor rule NAME` shows a card in the terminal.
"""


def main() -> None:
    """Write or check every generated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="fail instead of writing")
    check = parser.parse_args().check
    wanted = generated()
    stale = [path for path, text in wanted.items() if not _is(path, text)]
    extra = sorted({page for folder in FOLDERS for page in folder.glob("*.md")} - set(wanted))
    if check:
        for path in (*stale, *extra):
            print(f"not current: {path.relative_to(ROOT)} (run python scripts/write_docs.py)")
        sys.exit(1 if stale or extra else 0)
    for folder in FOLDERS:
        folder.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], "utf-8")
    for path in extra:
        path.unlink()


def generated() -> dict[Path, str]:
    """Return the text of every generated file."""
    paths = sorted(RULES.glob("*/*.yaml"))
    read = {path: Card.model_validate(read_card(path)) for path in paths}
    cards = dict(sorted(read.items(), key=lambda pair: pair[1].id))
    files = {
        PAGES / f"{card.name}.md": page(card, path.parent.name) for path, card in cards.items()
    }
    files[PAGES / "README.md"] = index(cards)
    files[DOCS / "coverage.md"] = ledger.page(cards.values(), ledger.reasons(RULES))
    files |= pages.written(DOCS, cards.values())
    files[version_matrix.PAGE] = version_matrix.page()
    known = codes.FILE.read_text("utf-8") if codes.FILE.exists() else ""
    files[codes.FILE] = codes.extended(known, cards.values())
    files[man_page.PAGE] = man_page.text()
    files[RULES / "rule.schema.json"] = json.dumps(schema(), indent=2) + "\n"
    return files


def page(card: Card, area: str) -> str:
    """Return a rule's page as Markdown."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(  # noqa: S701 - Markdown, of our own cards
        loader=loader, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    template = environment.get_template("rule.md.j2")
    return template.render(
        card=card, area=area, evidence=EVIDENCE, syntax=syntax, proof=proof(card), named=named
    )


def syntax(example: Example) -> str:
    """Return the language of an example's code block."""
    name = example.file or ""
    if name.endswith(".toml"):
        return "toml"
    return "json" if example.text.lstrip().startswith("{") else "yaml"


def proof(card: Card) -> str:
    """Say in a sentence how a card's claim is executed."""
    if card.proof is None:
        return "It rests on the references below; nothing is executed for it."
    if card.proof.run is None:
        return f"Not executed: {card.proof.not_run}"
    act = f"`tests/proofs` does `{card.proof.run}` with each example"
    if card.proof.raises is not None:
        says = f" that says `{card.proof.says}`" if card.proof.says else ""
        return f"{act}: the bad ones end in `{card.proof.raises}`{says}, the good ones do not."
    return f"{act}: `{card.proof.shows}` is seen of the bad ones and not of the good ones."


def index(cards: dict[Path, Card]) -> str:
    """Return the table of all rules."""
    lines = [INDEX_HEAD]
    area = ""
    for path, card in cards.items():
        if path.parent.name != area:
            area = path.parent.name
            lines += ["", f"## {area}", "", "| code | name | severity | about |"]
            lines += ["| --- | --- | --- | --- |"]
        lines.append(
            f"| {card.id} | [{card.name}]({card.name}.md) | {card.severity} | {card.summary} |"
        )
    return "\n".join(lines) + "\n"


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    main()
