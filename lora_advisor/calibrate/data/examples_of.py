"""Examples of a config's datasets, tokenised with the base's own tokenizer and template."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.data.rows import rows
from lora_advisor.calibrate.data.source import given, named
from lora_advisor.calibrate.data.tokens import CHATML, Masking, tokenised
from lora_advisor.calibrate.data.turns import said
from lora_advisor.calibrate.examples import packed
from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.record import record

if TYPE_CHECKING:
    from lora_advisor.calibrate.examples import Example
    from lora_advisor.calibrate.reading import Reader

MOST: Final = 2000
"""Rows that are read at most: no calibration sees more."""
LENGTH: Final = 1024
SHARE: Final = 5
HELD_OUT: Final = (8, 32)
"""Every fifth row is held out, but at least and at most so many."""


@record
class Examples:
    """Training rows, held-out rows, the filler; ``rows`` counts all that the files hold."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    pad_token: int
    length: int
    rows: int


def examples_of(  # noqa: PLR0913 - what the command line says
    reader: Reader,
    folder: str,
    *,
    dataset: Path | None,
    length: int | None,
    seed: int,
    trust_remote_code: bool = False,
) -> Examples:
    """Read, tokenise, pack and split the data; RefusalError where that cannot be done."""
    sources = given(dataset) if dataset else named(reader.recipe)
    near = Path(reader.recipe.document.path).parent if dataset is None else Path()
    tokenizer = _tokenizer(folder, reader, trust_remote_code=trust_remote_code)
    limit = length or int(reader.get("data.max_length", LENGTH) or LENGTH)
    masking = _masking(reader)
    found: list[Example] = []
    count = 0
    for source in sources:
        drawn, whole = rows(source, near, MOST, seed)
        count += whole
        for row in drawn:
            spoken = said(row, source)
            if spoken is None:
                continue
            if spoken.turns and not tokenizer.chat_template:
                _give_template(tokenizer, reader)
            example = tokenised(spoken, tokenizer, masking, limit)
            found += [example] if example else []
    random.Random(seed).shuffle(found)  # noqa: S311 - an order, no secret
    if reader.get("data.packing") is True:
        found = packed(found, min(limit, sum(len(e.tokens) for e in found) // 40 or limit))
    return _split(found, tokenizer, limit, count)


def _split(found: list[Example], tokenizer: Any, length: int, count: int) -> Examples:
    least, most = HELD_OUT
    if len(found) < 2 * least:
        detail = (
            f"{len(found)} usable rows of {count} with something to learn in {length} tokens; "
            f"at least {3 * least} are needed"
        )
        raise RefusalError("too-little-data", detail)
    held_out = min(max(len(found) // SHARE, least), most)
    pad = tokenizer.pad_token_id
    return Examples(
        train=tuple(found[held_out:]),
        held_out=tuple(found[:held_out]),
        pad_token=pad if pad is not None else tokenizer.eos_token_id or 0,
        length=length,
        rows=count,
    )


def _masking(reader: Reader) -> Masking:
    """Say which tokens the config learns from, by its framework's own default."""
    on_inputs = reader.get("data.train_on_inputs")
    if reader.recipe.framework in ("axolotl", "llamafactory"):
        return Masking(prompts=bool(on_inputs), questions=bool(on_inputs))
    completion = reader.get("data.completion_only_loss", otherwise=True)
    assistant = reader.get("data.assistant_only_loss", otherwise=False)
    return Masking(prompts=completion is False, questions=assistant is not True)


def _tokenizer(folder: str, reader: Reader, *, trust_remote_code: bool) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError) as error:
        told = str(error).partition("\n")[0]
        raise RefusalError("no-model", f"{folder} has no tokenizer: {told}") from None
    template = reader.get("data.template")
    if isinstance(template, str) and template == "chatml":
        tokenizer.chat_template = CHATML
    elif isinstance(template, str) and "{" in template:
        tokenizer.chat_template = template
    elif isinstance(template, str) and not template.startswith("tokenizer_default"):
        reader.notes.append(f"the tokenizer's own chat template in place of {template!r}")
    return tokenizer


def _give_template(tokenizer: Any, reader: Reader) -> None:
    tokenizer.chat_template = CHATML
    reader.notes.append("ChatML: the tokenizer has no chat template")
