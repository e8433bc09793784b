"""``init``: settings, a hook and a CI job for a repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lora_advisor.cli._errors import CannotRunError
from lora_advisor.reports._tool import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS: Final = """\
# Settings of lora-advisor; every key is optional, and each stands here with an example.
# fail-on = "warning"            # lowest severity that fails the run; without it, error
# ignore = ["LA604"]             # rules to leave out: codes, names or areas
# exclude = ["archive/**"]       # files and folders that are not checked
# baseline = ".lora-advisor-baseline.json"    # what lora-advisor baseline wrote
# rules-version = "{short}"        # no rule that came with a later release
# rules = ["./team-rules"]       # rules of your own: lora-advisor rule new
# extends = "../.lora-advisor.toml"    # settings to start from, in this repository
# gpu = "24GB"                   # what the configs are to run on
# processes = 4                  # how many processes train, where no file says it

# [target]                       # library releases in use; else those of the requirements
# peft = "0.21"

# [per-file-ignores]
# "configs/old/*" = ["LA004"]

# [per-key-ignores]              # a key, and all below it
# "trainer.lora.r" = ["LA170"]
"""
HOOK: Final = """\
repos:
  - repo: https://github.com/lora-advisor/lora-advisor
    rev: v{version}
    hooks:
      - id: lora-advisor
"""
WORKFLOW: Final = """\
name: lora-advisor
on: [push, pull_request]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - uses: lora-advisor/lora-advisor@v{version}
"""
OWN, HOOKS, JOB = (
    ".lora-advisor.toml",
    ".pre-commit-config.yaml",
    ".github/workflows/lora-advisor.yml",
)
FILES: Final = {
    OWN: (SETTINGS, "settings, all of them commented out"),
    HOOKS: (HOOK, "a pre-commit hook"),
    JOB: (WORKFLOW, "a GitHub workflow"),
}
GITLAB: Final = f"{ADDRESS}/blob/main/docs/guides/ci.md#gitlab"
NEXT: Final = {
    OWN: "lora-advisor check               every config below this folder",
    HOOKS: "pre-commit install               the hook runs with every commit",
    JOB: "git add .github                  the job runs with every push",
}
EXAMPLES: Final = """\b
Examples:
  lora-advisor init                       asks before each file
  lora-advisor init --yes                 writes all of them
"""


@click.command("init", epilog=EXAMPLES)
@click.option("--yes", is_flag=True, help="Write every file without asking.")
def command(*, yes: bool) -> None:
    """Write settings, a pre-commit hook and a CI job, each after asking; overwrite nothing.

    Run it in the folder that holds your repository.
    """
    _say_where()
    written = [name for name in FILES if _offered(name, yes=yes)]
    if written:
        _say("next:", *(f"  {NEXT[name]}" for name in written))


def _say_where() -> None:
    from lora_advisor.paths import top

    here = Path.cwd()
    above = top(here)
    if above != here:
        _say(f"note: the repository begins at {above}: hooks and CI jobs are read there only")


def _offered(name: str, *, yes: bool) -> bool:
    """Write a file if it is wanted and can be; say whether it was written."""
    path = Path(name)
    reason = next(_reasons(name), None)
    if reason is not None:
        _say(f"{name} {reason}")
        return False
    if not (yes or _wanted(name)):
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(name), "utf-8", newline="\n")
    except OSError as error:
        raise CannotRunError(f"cannot write {name}: {error.strerror}") from None
    _say(f"wrote {name}")
    return True


def _reasons(name: str) -> Iterator[str]:
    """Say why a file is not written; what would be added to it by hand is shown."""
    from lora_advisor.settings import SettingsError, settings_file

    if Path(name).exists():
        yield "is there already, left as it is" + (_to_add(name) if name == HOOKS else "")
    if name == JOB and Path(".gitlab-ci.yml").exists():
        yield f"is not written, as this repository has a .gitlab-ci.yml; see {GITLAB}"
    if name == OWN:
        try:
            found = settings_file([Path()])
        except SettingsError as error:
            yield f"is not written, as there are settings already: {error}"
        else:
            if found is not None:
                yield f"is not written, as {found} has settings"


def _to_add(name: str) -> str:
    if "lora-advisor" in Path(name).read_text("utf-8", errors="replace"):
        return ""
    return f"; add to its repos:\n{_text(name).partition(chr(10))[2].rstrip()}"


def _wanted(name: str) -> bool:
    try:
        return click.confirm(f"Write {name} ({FILES[name][1]})?", default=True, err=True)
    except click.Abort:
        click.echo(err=True)
        raise CannotRunError("nobody answered; --yes writes every file unasked") from None


def _text(name: str) -> str:
    from lora_advisor.reports._tool import version

    text, whole = FILES[name][0], version()
    return text.replace("{version}", whole).replace("{short}", ".".join(whole.split(".")[:2]))


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
