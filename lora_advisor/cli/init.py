"""``init``: settings, a hook and a CI job for a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

SETTINGS: Final = """\
# Settings of lora-advisor; every key is optional.
# fail-on = "warning"            # lowest severity that fails the run
# ignore = ["LA604"]             # rules to leave out: codes, names or areas
# exclude = ["archive/**"]
# baseline = ".lora-advisor-baseline.json"

# [target]                       # library releases in use; else those of the requirements
# peft = "0.21"
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
      - run: pip install lora-advisor=={version}
      - run: lora-advisor check --output-format github
"""
FILES: Final = {
    ".lora-advisor.toml": (SETTINGS, "settings, all of them commented out"),
    ".pre-commit-config.yaml": (HOOK, "a pre-commit hook"),
    ".github/workflows/lora-advisor.yml": (WORKFLOW, "a GitHub workflow"),
}


@click.command("init")
@click.option("--yes", is_flag=True, help="Write every file without asking.")
def command(*, yes: bool) -> None:
    """Write settings, a pre-commit hook and a CI job, each after asking; overwrite nothing."""
    from lora_advisor.reports._tool import version  # noqa: PLC0415

    for name, (text, about) in FILES.items():
        path = Path(name)
        if path.exists():
            click.echo(f"{name} is there already, left as it is", err=True)
        elif yes or click.confirm(f"Write {name} ({about})?", default=True, err=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{version}", version()), "utf-8", newline="\n")
            click.echo(f"wrote {name}", err=True)
