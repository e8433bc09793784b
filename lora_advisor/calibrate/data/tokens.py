"""What was said as token ids, with labels on the tokens that the config learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.examples import IGNORED, Example
from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.record import record

if TYPE_CHECKING:
    from lora_advisor.calibrate.data.turns import Said

CHATML: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@record
class Masking:
    """Which tokens are learnt: of conversations and of prompts with answers."""

    prompts: bool
    questions: bool


def tokenised(said: Said, tokenizer: Any, masking: Masking, length: int) -> Example | None:
    """Return the example, cut to the length; None where no token is left to learn."""
    if said.turns:
        tokens, labels = _conversation(said.turns, tokenizer, masking)
    else:
        tokens, labels = _text(said, tokenizer, masking)
    example = Example(tokens=tuple(tokens[:length]), labels=tuple(labels[:length]))
    return example if example.targets else None


def _text(said: Said, tokenizer: Any, masking: Masking) -> tuple[list[int], list[int]]:
    whole = tokenizer(said.prompt + said.text)["input_ids"]
    if tokenizer.eos_token_id is not None and whole[-1:] != [tokenizer.eos_token_id]:
        whole = [*whole, tokenizer.eos_token_id]
    if not said.prompt or masking.prompts:
        return whole, list(whole)
    return whole, _masked(whole, [(_shared(tokenizer(said.prompt)["input_ids"], whole), None)])


def _conversation(
    turns: tuple[dict[str, str], ...], tokenizer: Any, masking: Masking
) -> tuple[list[int], list[int]]:
    whole = _rendered(tokenizer, turns)
    if masking.questions:
        return whole, list(whole)
    kept: list[tuple[int, int | None]] = []
    for place, turn in enumerate(turns):
        if turn["role"] == "assistant":
            before = _rendered(tokenizer, turns[:place], add_generation_prompt=True)
            after = _rendered(tokenizer, turns[: place + 1])
            kept.append((_shared(before, whole), _shared(after, whole)))
    return whole, _masked(whole, kept)


def _rendered(tokenizer: Any, turns: tuple[dict[str, str], ...], **more: Any) -> list[int]:
    from jinja2 import TemplateError

    if not turns:
        return []
    try:
        text = tokenizer.apply_chat_template(list(turns), tokenize=False, **more)
    except (TemplateError, ValueError, TypeError) as error:
        raise RefusalError("no-data", f"the chat template refuses a row: {error}") from None
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _masked(tokens: list[int], kept: list[tuple[int, int | None]]) -> list[int]:
    labels = [IGNORED] * len(tokens)
    for first, last in kept:
        labels[first:last] = tokens[first:last]
    return labels


def _shared(part: list[int], whole: list[int]) -> int:
    """Count how far a rendering of the beginning agrees with the whole one."""
    pairs = enumerate(zip(part, whole, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(part), len(whole)))
