"""Text back into its file: in one step, in the encoding and with the mark it had."""

from __future__ import annotations

import codecs
import os
import shutil
import tempfile
from pathlib import Path

from lora_advisor.source import decode


def overwrite(path: Path, before: str, after: str) -> None:
    """Put a new text in a file's place, whole or not at all; links stay links.

    Raises:
        OSError: The file cannot be written, or holds something else than ``before``.
    """
    path = Path(os.path.realpath(path))
    data = path.read_bytes()
    if decode(data, str(path)) != before:
        raise OSError(0, "it has changed since it was read")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_encoded(after, data))
        shutil.copymode(path, name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _encoded(text: str, old: bytes) -> bytes:
    """Encode as the old bytes were, byte order mark included."""
    if old.startswith(codecs.BOM_UTF8):
        return codecs.BOM_UTF8 + text.encode()
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if old.startswith(mark):
            return mark + text.encode(name)
    return text.encode()
