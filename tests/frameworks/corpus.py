"""The shared collection of real configs, for tests that read every file of a format."""

from __future__ import annotations

from pathlib import Path

import pytest

_CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def files(folder: str) -> list[Path]:
    """Return the files of one format; skip the test where the collection is not at hand."""
    found = sorted((_CORPUS / folder).glob("*"))
    if not found:
        pytest.skip(f"no collection of real configs beside the project ({folder})")
    return found
