"""What a file of examples tells: how many there are, how long, and how much of it is learnt."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

BYTES_PER_TOKEN: Final = 4.0
"""UTF-8 bytes of a token, on average: 4 of English, 3 to 5 of other languages."""
READ: Final = 20_000
LONGEST_FIELD: Final = 2**31 - 1
_COMPLETIONS: Final = (
    *("completion", "output", "response", "answer", "chosen", "target", "label_text", "summary"),
)
_ROLES: Final = ("assistant", "gpt", "model", "bot")


class DatasetError(Exception):
    """A file that cannot be read as examples; the message names the file and the line."""


@record
class Sample:
    """Examples of a file; tokens are estimated from bytes.

    ``completion`` counts the tokens that a loss on answers would see, over all examples;
    ``lengths`` are those of the examples that were looked at, shortest first.
    """

    examples: int
    completion: float
    lengths: tuple[float, ...]

    def at_share(self, share: float) -> float:
        """Return the length that this share of the examples does not exceed."""
        return self.lengths[min(int(share * len(self.lengths)), len(self.lengths) - 1)]

    @property
    def mean(self) -> float:
        """Mean length in tokens."""
        return sum(self.lengths) / len(self.lengths)


def measure(path: Path) -> Sample:
    """Read a JSONL, JSON or CSV file; DatasetError where it holds no examples."""
    try:
        return _counted(path, _rows(path))
    except (OSError, UnicodeDecodeError, csv.Error, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from None


def _counted(path: Path, rows: Iterable[Any]) -> Sample:
    examples, completion, lengths = 0, 0.0, list[float]()
    for row in rows:
        examples += 1
        if examples <= READ:
            whole = _size(row)
            lengths.append(whole)
            completion += _completion(row) or whole
    if not lengths:
        raise DatasetError(f"{path}: holds no examples")
    scale = examples / len(lengths)
    return Sample(examples=examples, completion=completion * scale, lengths=tuple(sorted(lengths)))


def _rows(path: Path) -> Iterator[Any]:
    if path.suffix in (".jsonl", ".ndjson"):
        yield from _lines(path)
    elif path.suffix == ".json":
        yield from _listed(path)
    elif path.suffix in (".csv", ".tsv"):
        csv.field_size_limit(LONGEST_FIELD)
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
    else:
        raise DatasetError(
            f"{path}: only JSONL, JSON, CSV and TSV are read; say --examples and --tokens instead"
        )


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise DatasetError(f"{path}:{number}: is no JSON: {error}") from None


def _listed(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise DatasetError(f"{path}: is no JSON: {error}") from None
    if isinstance(content, dict):
        content = next((value for value in content.values() if isinstance(value, list)), None)
    if not isinstance(content, list):
        raise DatasetError(f"{path}: expected a list of examples")
    return content


def _size(value: Any) -> float:
    """Count the tokens of all text in a value."""
    if isinstance(value, str):
        return len(value.encode()) / BYTES_PER_TOKEN
    parts = value.values() if isinstance(value, dict) else value
    return sum(_size(part) for part in parts) if isinstance(value, (dict, list)) else 0.0


def _completion(row: Any) -> float:
    """Count the tokens of the answers in an example, 0 where none is told from the prompt."""
    if not isinstance(row, dict):
        return 0.0
    for name in ("messages", "conversations", "conversation"):
        if isinstance(row.get(name), list):
            return sum(_turn(turn) for turn in row[name] if isinstance(turn, dict))
    return next((_size(row[name]) for name in _COMPLETIONS if row.get(name)), 0.0)


def _turn(turn: Mapping[str, Any]) -> float:
    role = turn.get("role") or turn.get("from")
    return _size(turn.get("content") or turn.get("value")) if role in _ROLES else 0.0
