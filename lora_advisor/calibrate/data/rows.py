"""Rows of a dataset, read by the ``datasets`` library from files or its cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.calibrate.data.source import Source

_KINDS: Final = {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
}


def rows(source: Source, near: Path, most: int, seed: int) -> tuple[list[Any], int]:
    """Return at most so many rows, chosen by the seed, and how many there are.

    A RefusalError says what cannot be read.
    """
    dataset = _loaded(source, near)
    whole = len(dataset)
    if len(dataset) > most:
        dataset = dataset.shuffle(seed=seed).select(range(most))
    return list(dataset), whole


def _loaded(source: Source, near: Path) -> Any:
    import datasets

    datasets.disable_progress_bars()
    path = _local(source.path, near)
    split = source.split or "train"
    builder = source.path in _KINDS.values() and bool(source.files)  # path: json, data_files: …
    try:
        if path is not None or builder:
            return _from_files(datasets, path or near, source, near, split)
        return datasets.load_dataset(
            source.path,
            split=split,
            download_config=datasets.DownloadConfig(local_files_only=True),
        )
    except RefusalError:
        raise
    except Exception as error:  # noqa: BLE001 - the library raises many kinds, all about the data
        told = str(error).strip().partition("\n")[0] or type(error).__name__
        raise RefusalError("no-data", f"{source.path}: {told}") from None


def _from_files(datasets: Any, path: Path, source: Source, near: Path, split: str) -> Any:
    if path.is_dir() and (path / "dataset_info.json").exists() and (path / "state.json").exists():
        return datasets.load_from_disk(str(path))
    if path.is_dir() and not source.files:
        return datasets.load_dataset(str(path), split=split)
    base = path if path.is_dir() else near
    files = [str(_local(name, base) or base / name) for name in source.files] or [str(path)]
    named = source.path if source.path in _KINDS.values() else None
    kind = source.kind or _KINDS.get(Path(files[0]).suffix) or named
    if kind is None:
        known = ", ".join(sorted(_KINDS))
        raise RefusalError("no-data", f"{files[0]}: expected one of {known}")
    extra = {"delimiter": "\t"} if files[0].endswith(".tsv") else {}
    # a file is one split, whatever it is a split of
    return datasets.load_dataset(kind, data_files=files, split=_rows_of(split), **extra)


def _rows_of(split: str) -> str:
    """Keep the part of ``train[:1000]`` that counts rows."""
    _, bracket, rest = split.partition("[")
    return f"train{bracket}{rest}"


def _local(name: str, near: Path) -> Path | None:
    candidates: Sequence[Path] = (near / name, Path(name))
    return next((path for path in candidates if path.exists()), None)
