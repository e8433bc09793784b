"""``rule``: what a rule says, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lora_advisor.cli import _completing
from lora_advisor.cli._click import plugin_option
from lora_advisor.cli._errors import CannotRunError, close_names
from lora_advisor.cli._exits import FOUND
from lora_advisor.cli._options import page_options, print_page
from lora_advisor.record import replace
from lora_advisor.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from lora_advisor.rules import Rule
    from lora_advisor.settings import Settings

RULE_EXAMPLES: Final = """\b
Examples:
  lora-advisor rule                       every rule in one line
  lora-advisor rule loftq-on-quantised-model
  lora-advisor rule --all --output-format json
  lora-advisor rule new rank-above-64 --code TEAM001
  lora-advisor rule test team-rules
"""
SHOW_EXAMPLES: Final = """\b
Examples:
  lora-advisor rule show LA201            what it says, why, its repair, examples
  lora-advisor rule LA201                 the same
"""
TEST_EXAMPLES: Final = """\b
Examples:
  lora-advisor rule test team-rules       every card below that folder
  lora-advisor rule test acme_rules/cards --plugin acme

\b
Exit codes: 0 every example does what it shows, 1 some do not, 2 a card cannot be used.
"""
NEW_EXAMPLES: Final = """\b
Examples:
  lora-advisor rule new rank-above-64 --code TEAM001
                                          writes team-rules/team/rank-above-64.yaml
  lora-advisor rule new no-old-base --code TEAM002 --area models --folder checks
"""


class _Rules(click.Group):
    """A group whose first argument may also be a rule: ``rule LA201`` is ``rule show LA201``."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Put ``show`` in where no command is named."""
        asks = {"-h", "--help"} & {*args}
        completing = context.resilient_parsing and not args
        named = completing or (args and args[0] in self.commands)
        if not (named or (asks and len(args) == 1)):
            args = ["show", *args]
        return super().parse_args(context, args)

    def shell_complete(self, context: click.Context, begun: str) -> list[CompletionItem]:
        """Offer rules beside the commands."""
        return super().shell_complete(context, begun) + _completing.rules(context, None, begun)


@click.group("rule", cls=_Rules, epilog=RULE_EXAMPLES)
def command() -> None:
    """Show a rule's card: what it says, why, its repair; test and write rules of your own."""


@command.command("show", epilog=SHOW_EXAMPLES)
@click.argument("name", required=False, metavar="[CODE|NAME]", shell_complete=_completing.rules)
@click.option("--all", "everything", is_flag=True, help="Every rule in full.")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--no-color", is_flag=True, help="No colours (as does NO_COLOR=1).")
@plugin_option
def show(name: str | None, **options: Any) -> None:
    """Show one rule, or list all of them; the word show can be left out.

    Rules of the project here and of plugins you name are among them.
    """
    from lora_advisor import rules
    from lora_advisor.reports import _pages

    listed = _listed(options["plugin"])
    shown = [_rule(listed, name)] if name else listed
    if options["output_format"] == "json":
        print_page(_pages.rules_json(shown), options)
    elif name or options["everything"]:
        pages = (_pages.rule_text(r, rules.card(r), page_options(options)) for r in shown)
        print_page("\n\n".join(pages), options)
    else:
        print_page(_pages.rule_list(shown, page_options(options)), options)


@command.command("test", epilog=TEST_EXAMPLES)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@plugin_option
@click.pass_context
def test(context: click.Context, folder: Path, plugin: tuple[str, ...]) -> None:
    """Check every example of the cards in a folder: bad ones reported, good ones not.

    The cards of a plugin are tested with the plugin named.
    """
    from lora_advisor import plugins
    from lora_advisor.own_rules import trials
    from lora_advisor.render import TextError
    from lora_advisor.reports._text import harmless
    from lora_advisor.rules import OwnRulesError

    try:
        loaded = plugins.load(plugin)
        own = next((p for p in loaded if p.cards.resolve() == folder.resolve()), None)
        results = list(trials(folder, own))
    except (OwnRulesError, TextError, plugins.PluginError) as error:
        raise CannotRunError(str(error)) from None
    wrong = [trial for trial in results if trial.problem]
    for trial in wrong:
        told = f"{trial.path}: {trial.kind} example {trial.number} {trial.problem}"
        click.echo(harmless(told))
    click.echo(f"{len(results) - len(wrong)} of {len(results)} examples do what they show")
    context.exit(FOUND if wrong else 0)


@command.command("new", epilog=NEW_EXAMPLES)
@click.argument("name")
@click.option("--code", required=True, help="Code of the rule, such as TEAM001.")
@click.option("--area", default="team", show_default=True, help="Folder of the card.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("team-rules"),
    show_default=True,
    help="Where the rules are.",
)
def new(name: str, code: str, area: str, folder: Path) -> None:
    """Write a card to start from, with examples that pass."""
    from lora_advisor.own_rules import refuse_names, scaffold
    from lora_advisor.rules import OwnRulesError

    try:
        refuse_names(name, code, area)
    except OwnRulesError as error:
        raise CannotRunError(str(error)) from None
    path = folder / area / f"{name}.yaml"
    if path.exists():
        raise CannotRunError(f"{path} is there already")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(scaffold(name, code), "utf-8", newline="\n")
    click.echo(f"wrote {path}; next: lora-advisor rule test {folder}", err=True)


def _listed(named: tuple[str, ...]) -> list[Rule]:
    """List our rules, the project's own and those of plugins; a broken card hides only its own."""
    from lora_advisor import plugins, rules
    from lora_advisor.reports._text import harmless

    listed = [*rules.load()]
    try:
        own = _validated(named)
    except plugins.PluginError as error:
        raise CannotRunError(str(error)) from None
    except (rules.OwnRulesError, SettingsError) as error:
        click.echo(harmless(f"warning: {error}"), err=True)
        return listed
    listed += [rule for folder in own.rules for rule in rules.load_own(folder)]
    return listed + [r for plugin in own.plugins for r in rules.load_own(plugin.cards, plugin)]


def _validated(named: tuple[str, ...]) -> Settings:
    from lora_advisor import plugins, settings

    own = replace(settings.nearest([Path()]), plugins=plugins.load(named))
    if own.rules or own.plugins:
        from lora_advisor.own_rules import validate  # an extra

        validate(own)
    return own


def _rule(listed: Sequence[Rule], wanted: str) -> Rule:
    from lora_advisor.rules import find

    found = find(listed, wanted) or find(listed, wanted.upper()) or find(listed, wanted.lower())
    if found is None:
        close = close_names(wanted, [name for r in listed for name in (r.code, r.name)])
        raise CannotRunError(f"no rule is called {wanted!r}{close}")
    return found
