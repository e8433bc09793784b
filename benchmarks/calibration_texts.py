"""Real texts for the calibration benchmark: Debian packages, and a public-domain text at hand.

The base model learns from technical English; the domains it is adapted to are the King James
Bible (``texts/kjv.txt``, out of copyright, Genesis to Deuteronomy) and German fortunes.
"""

from __future__ import annotations

import gzip
import html
import random
import re
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
KJV: Final = HERE / "texts" / "kjv.txt"
PACKAGES: Final = ("anarchism", "perl-doc", "dict-gcide", "jargon-text", "fortunes-de")
OTHERS: Final = ("manpages-fr", "fortunes-it", "fortunes-ru", "iso-codes", "linux-libc-dev")
SHARE: Final = 2_000_000  # characters taken of each source of the base
MOST: Final = 1_500_000  # characters taken of such a domain
TAG: Final = re.compile(r"<[^>]+>")


def unpack(cache: Path, packages: tuple[str, ...] = PACKAGES, name: str = "packages") -> Path:
    """Download the packages with apt and unpack them; done once."""
    root = cache / name
    if (root / "done").exists():
        return root
    root.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", *packages], cwd=root, check=True)
    for archive in sorted(root.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", archive.name, "."], cwd=root, check=True)
    (root / "done").touch()
    return root


def base_texts(root: Path) -> list[str]:
    """Return the texts the base model is trained on, each cut to the same length."""
    share = root / "usr" / "share"
    html_files = sorted((share / "doc" / "anarchism").rglob("*.html"))
    pods = sorted((share / "perl").rglob("*.pod"))
    jargon = gzip.decompress((share / "doc" / "jargon-text" / "jargon.txt.gz").read_bytes())
    gcide = gzip.decompress((share / "dictd" / "gcide.dict.dz").read_bytes())
    texts = [
        "\n".join(_plain(path) for path in html_files),
        "\n".join(path.read_text("utf-8", "replace") for path in pods),
        gcide.decode("utf-8", "replace"),
        jargon.decode("utf-8", "replace"),
    ]
    return [text[:SHARE] for text in texts]


def domain_text(name: str, root: Path | None) -> str:
    """Return the text of a domain: ``kjv`` (committed) or ``german`` (from the packages)."""
    if name == "kjv":
        return KJV.read_text("utf-8")
    if root is None:
        raise ValueError(f"{name} needs the packages")
    folder = root / "usr" / "share" / "games" / "fortunes" / "de"
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.suffix]
    return "\n".join(path.read_text("utf-8", "replace") for path in files)


def other_text(name: str, cache: Path) -> str:
    """Return the text of a domain that is not in the main grid."""
    if name == "german":
        return domain_text(name, unpack(cache))[:MOST]
    if name == "python":
        return _joined(Path(random.__file__).parent, "*.py")[:MOST]
    share = unpack(cache, OTHERS, "others") / "usr" / "share"
    folder, pattern = {
        "c": (share.parent / "include" / "linux", "*.h"),
        "json": (share / "iso-codes" / "json", "iso_*.json"),
        "man-fr": (share / "man" / "fr", "*/*.gz"),
        "italian": (share / "games" / "fortunes" / "it", "*"),
        "russian": (share / "games" / "fortunes" / "ru", "*"),
    }[name]
    return _joined(folder, pattern)[:MOST]


def _joined(folder: Path, pattern: str) -> str:
    files = [path for path in sorted(folder.glob(pattern)) if path.is_file()]
    return "\n".join(_read(path) for path in files if path.suffix not in (".dat", ".u8"))


def _read(path: Path) -> str:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    return data.decode("utf-8", "replace")


def _plain(path: Path) -> str:
    text = path.read_bytes().decode("utf-8", "replace")
    return html.unescape(TAG.sub("", text))
