"""``rule``: what a rule says, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from lora_advisor.cli._errors import CannotRunError, close_names
from lora_advisor.cli._options import page_options, print_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.rules import Rule

RULE_EXAMPLES: Final = """\b
Examples:
  lora-advisor rule                       every rule in one line
  lora-advisor rule loftq-on-quantised-model
  lora-advisor rule --all --output-format json
"""


@click.command("rule", epilog=RULE_EXAMPLES)
@click.argument("name", required=False, metavar="[CODE|NAME]")
@click.option("--all", "everything", is_flag=True, help="Every rule in full.")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--no-color", is_flag=True, help="No colours (as does NO_COLOR=1).")
def command(name: str | None, **options: Any) -> None:
    """Show a rule's card: what it says, why, its repair, an example of each kind."""
    from lora_advisor import rules  # noqa: PLC0415
    from lora_advisor.reports import _pages  # noqa: PLC0415

    shown = [_rule(rules.load(), name)] if name else list(rules.load())
    if options["output_format"] == "json":
        print_page(_pages.rules_json(shown), options)
    elif name or options["everything"]:
        pages = (_pages.rule_text(r, rules.card(r), page_options(options)) for r in shown)
        print_page("\n\n".join(pages), options)
    else:
        print_page(_pages.rule_list(shown, page_options(options)), options)


def _rule(listed: Sequence[Rule], wanted: str) -> Rule:
    from lora_advisor.rules import find  # noqa: PLC0415

    found = find(listed, wanted) or find(listed, wanted.upper()) or find(listed, wanted.lower())
    if found is None:
        close = close_names(wanted, [name for r in listed for name in (r.code, r.name)])
        raise CannotRunError(f"no rule is called {wanted!r}{close}")
    return found
