"""What a loader refuses beyond names and types: words outside a fixed choice, and combinations.

``choices.json`` holds the words that some release takes, read in the dataclasses, enums and
validators of every release; ``refusals.json`` the checks that the loaders make across keys
(``llamafactory.hparams.parser`` and ``finetuning_args``, ``axolotl.utils.schemas.validation``,
``swift.arguments`` of ms-swift 3.0, 3.8 and 4.6, ``mlx_lm.lora`` and ``mlx.optimizers.schedulers``
of mlx-lm 0.32, ``mlx_vlm.train`` of mlx-vlm 0.7.10, and others).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.pattern import pattern
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER: Final = Path(__file__).parent / "keys"


@record
class Choice:
    """The words of one key.

    ``takes`` are today's, ``older`` those of past releases, which did not know the keys ``newer``,
    ``allowed`` such as are taken beside them, as are those that begin with ``prefix``, hold
    ``within`` or fit the pattern ``beside``. ``numbers`` may be among the words, and a file's are
    made small where it ``lowers`` them. ``shown`` are offered in a message, ``meant`` says what to
    write for a word that is often tried. An ``open`` list can be lengthened by the user; what a
    ``silent`` one does not hold is passed over. ``where`` are the tests of other keys under which
    the key is read.
    """

    takes: tuple[str, ...]
    outcome: str
    older: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    prefix: str = ""
    within: str = ""
    beside: str = ""
    numbers: bool = False
    lowers: bool = False
    shown: tuple[str, ...] | None = None
    meant: Mapping[str, str] | None = None
    open: bool = False
    silent: bool = False
    where: Mapping[str, Any] | None = None

    def has(self, word: str) -> bool:
        """Whether today's releases take a word."""
        return (
            word in (*self.takes, *self.allowed)
            or bool(self.prefix and word.startswith(self.prefix))
            or bool(self.within and self.within in word)
            or bool(self.beside and pattern(self.beside).fullmatch(word))
        )


@record
class Refusal:
    """A combination that a loader refuses: the keys to blame, tests of keys, and what to do.

    ``since`` is the release that began to refuse it, ``script`` the pattern of programs that do,
    where others of the format do not, ``files`` the kind of file that it is about. One that
    ``warns`` goes on all the same. Older releases took what is ``gone``. One of ``zero3`` is made
    only where DeepSpeed shards the parameters. ``[]`` in a path stands for every entry of a list,
    the same one in all paths.
    """

    at: tuple[str, ...]
    when: Mapping[str, Any]
    says: str
    since: str = ""
    script: str = ""
    files: str = ""
    warns: bool = False
    gone: bool = False
    zero3: bool = False


@cache
def choices_of(framework: str) -> Mapping[str, Choice]:
    """Return the keys of a format that take one of a few words."""
    body: dict[str, dict[str, Any]] = _read("choices.json").get(framework, {})
    return {key: Choice(**_tuples(choice)) for key, choice in body.items()}


@cache
def refusals_of(framework: str) -> tuple[Refusal, ...]:
    """Return the combinations of keys that a format's loader refuses."""
    body = _read("refusals.json").get(framework, {})
    return tuple(Refusal(**_tuples(refusal)) for refusal in body.get("refusals", ()))


@cache
def defaults_of(framework: str) -> Mapping[str, object]:
    """Return what the keys that refusals look at are where nobody writes them."""
    found: dict[str, object] = _read("refusals.json").get(framework, {}).get("defaults", {})
    return found


@cache
def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_FOLDER / name).read_text("utf-8"))
    return content


def _tuples(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in body.items()
    }
