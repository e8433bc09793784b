"""Options as a table: click makes its options of it, and a plain command line needs no click."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from lora_advisor.plugins import VARIABLE
from lora_advisor.record import record

Kind: TypeAlias = Literal["flag", "text", "texts", "choice", "count", "path", "file", "folder"]


@record
class Option:
    """One option: its names, what its value must be, and what ``--help`` says of it.

    ``texts`` may be repeated; a ``path`` need not exist, a ``file`` or ``folder`` must.
    ``variable`` is the environment's word for it, ``offers`` what a shell completes it with
    (a function of ``_completing``).
    """

    names: tuple[str, ...]
    help: str
    kind: Kind = "flag"
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    default: str | None = None
    variable: str | None = None
    offers: str | None = None

    @property
    def parameter(self) -> str:
        """What a command calls it: ``--exit-zero`` is ``exit_zero``."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def unset(self) -> object:
        """Return its value where nobody wrote it."""
        return {"flag": False, "texts": ()}.get(self.kind, self.default)


PLUGIN: Final = Option(
    names=("--plugin",),
    kind="texts",
    metavar="NAME",
    variable=VARIABLE,
    help=f"Load an installed plugin's rules, which runs its code; repeatable ({VARIABLE}).",
)
READING: Final = (
    Option(
        names=("--framework",),
        kind="text",
        metavar="NAME",
        offers="formats",
        help="Read the configs as this format.",
    ),
    Option(
        names=("--target",),
        kind="texts",
        metavar="PACKAGE=VERSION",
        help="Library version in use, such as peft=0.17; may be repeated.",
    ),
    Option(
        names=("--model",),
        kind="folder",
        metavar="PATH",
        help="Folder of the base model (its config.json); by default found by the name it has.",
    ),
    Option(
        names=("--build-model",),
        help="Let transformers build models that nothing else knows: ten seconds, once.",
    ),
    Option(
        names=("--allow-network",),
        help="Fetch the config.json of base models that are not at hand from the Hugging Face Hub.",
    ),
    Option(
        names=("--processes",),
        kind="count",
        metavar="N",
        help="Processes that a training is launched with, where no file says it.",
    ),
    Option(
        names=("--gpu",),
        kind="text",
        metavar="MEMORY|NAME",
        help="GPU trained on: 24GB, A100-80GB, 'RTX 4090'.",
    ),
    Option(
        names=("--config",),
        kind="path",
        metavar="FILE",
        help="Settings file to use instead of the nearest one.",
    ),
    Option(names=("--isolated",), help="Read no settings file."),
    Option(
        names=("--stdin-filename",),
        kind="text",
        metavar="NAME",
        help="Name of the config given as -.",
    ),
    Option(names=("--no-color",), help="No colours (as does NO_COLOR=1)."),
    Option(names=("-v", "--verbose"), help="List what is otherwise only counted."),
)
"""The options of every command that reads configs."""
