"""``server``: the language server for editors."""

from __future__ import annotations

from typing import Final

import click

from lora_advisor.cli._errors import CannotRunError

EXAMPLES: Final = """\b
Examples:
  lora-advisor server                     over standard input and output
  lora-advisor server --port 2087         over TCP on this machine, to look into it
"""


@click.command("server", epilog=EXAMPLES)
@click.option("--port", type=click.IntRange(1, 65535), help="Listen on 127.0.0.1 instead.")
def command(port: int | None) -> None:
    """Serve an editor: findings as you type, reasons, repairs, completion.

    Needs the extra: pip install 'lora-advisor[server]'.
    """
    try:
        from lora_advisor.server import build
    except ModuleNotFoundError as error:
        hint = "pip install 'lora-advisor[server]'"
        raise CannotRunError(f"the server needs {error.name}: {hint}") from None
    _load_plugins()
    server = build()
    if port is None:
        server.start_io()
    else:
        server.start_tcp("127.0.0.1", port)


def _load_plugins() -> None:
    """Load the plugins that the environment names now, so that a broken one is told at once."""
    import os

    from lora_advisor import plugins

    try:
        plugins.load(os.environ.get(plugins.VARIABLE, "").split())
    except plugins.PluginError as error:
        raise CannotRunError(str(error)) from None
