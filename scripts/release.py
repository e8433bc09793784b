"""Build what is published, and check it: ``python scripts/release.py build/release``.

Wheel and source archive are built twice and compared byte by byte, checked by twine and
check-wheel-contents, installed into a clean environment (one for each ``--python``) and tried
there. The bill of materials (CycloneDX) lists what an installation brings.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parent.parent
LARGEST = 2_000_000
"""Bytes of a wheel, which every user of the hook downloads."""
EXAMPLE = ROOT / "examples" / "axolotl" / "bad.yaml"
SHIPPED = (
    *("LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "pyproject.toml", "mkdocs.yml"),
    *("action.yml", ".pre-commit-hooks.yaml", "rules/README.md", "rules/codes.txt"),
    *("man/lora-advisor.1", "editors/vscode/package.json"),
    *("scripts/test.sh", "scripts/action.sh", "docs/stability.md", "examples/axolotl/bad.yaml"),
    *("benchmarks/README.md", "tests/test_release.py", "lora_advisor/py.typed"),
)
"""Files that the source archive holds beside the package: with them its tests can run."""


class ReleaseError(Exception):
    """Something about the archives is not as it should be."""


class Archives(NamedTuple):
    """What one build came to."""

    sdist: Path
    wheel: Path


def main() -> None:
    """Build into a folder, check, and say what was done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", action="append", help="interpreter to install for; repeatable")
    options = parser.parse_args()
    folder = options.folder.resolve()
    built, again = build(folder), build(folder / "again")
    compare(built, again)
    describe(built)
    inspect(built)
    for number, python in enumerate(options.python or [sys.executable]):
        environment = install(built.wheel, folder / f"venv{number}", python)
        print(f"{version(environment)}: {check(environment)}")
    materials(environment, folder / "sbom.cdx.json")
    for file in (*built, folder / "sbom.cdx.json"):
        print(
            f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}  {file.stat().st_size:,}"
        )


def build(folder: Path) -> Archives:
    """Build the source archive, and the wheel from it, with the commit's time in both."""
    _run("-m", "build", "--no-isolation", "-o", str(folder), str(ROOT), SOURCE_DATE_EPOCH=epoch())
    return Archives(sdist=_only(folder.glob("*.tar.gz")), wheel=_only(folder.glob("*.whl")))


def epoch() -> str:
    """Return the time that archives carry: the environment's, else that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    told = subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
    return given or told or "1700000000"


def compare(left: Archives, right: Archives) -> None:
    """Refuse two builds that differ in a byte."""
    for one, other in zip(left, right, strict=True):
        if one.read_bytes() != other.read_bytes():
            raise ReleaseError(f"{one.name}: two builds differ")


def describe(built: Archives) -> None:
    """Have twine and check-wheel-contents judge the archives."""
    _run("-m", "twine", "check", "--strict", *map(str, built))
    _run("-m", "check_wheel_contents", str(built.wheel))


def inspect(built: Archives) -> None:
    """Refuse a wheel that is too large or holds what is not ours, and a poor source archive."""
    size = built.wheel.stat().st_size
    if size > LARGEST:
        raise ReleaseError(f"{built.wheel.name}: {size:,} bytes, more than {LARGEST:,}")
    with zipfile.ZipFile(built.wheel) as wheel:
        held = wheel.namelist()
    if "lora_advisor/py.typed" not in held:
        raise ReleaseError(f"{built.wheel.name}: lacks py.typed, without which no type is read")
    strange = {name.partition("/")[0] for name in held} - {"lora_advisor"}
    if any(not name.endswith((".dist-info", ".data")) for name in strange):
        raise ReleaseError(f"{built.wheel.name}: holds {', '.join(sorted(strange))}")
    missing = {*SHIPPED} - {*names(built.sdist)}
    if missing:
        raise ReleaseError(f"{built.sdist.name}: lacks {', '.join(sorted(missing))}")


def names(sdist: Path) -> list[str]:
    """List a source archive, without the folder that all of it is in."""
    with tarfile.open(sdist) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def install(wheel: Path, folder: Path, python: str = sys.executable) -> Path:
    """Install the wheel alone into a clean environment; return its interpreter."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    _run("-m", "pip", "--python", str(interpreter), "install", "-q", str(wheel))
    return interpreter


def version(interpreter: Path) -> str:
    """Return what the installed program calls itself, and what runs it."""
    return f"{_installed(interpreter, '--version').strip()}, {interpreter.resolve().name}"


def check(interpreter: Path) -> str:
    """Check an example with the installed program; return the first line of its report."""
    told = _installed(
        interpreter, "check", str(EXAMPLE), "--exit-zero", "--output-format", "concise"
    )
    if "LA" not in told:
        raise ReleaseError(f"the installed program finds nothing in {EXAMPLE.name}: {told}")
    return told.splitlines()[0]


def _installed(interpreter: Path, *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(interpreter.with_name("lora-advisor")), *arguments]
    ran = subprocess.run(
        command, cwd=interpreter.parent, env=clean, check=True, capture_output=True, text=True
    )
    return ran.stdout


def materials(interpreter: Path, file: Path) -> None:
    """Write the bill of materials of an environment as CycloneDX JSON."""
    project = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"]
    arguments = ["environment", *project, "-o", str(file), str(interpreter)]
    _run("-m", "cyclonedx_py", *arguments, SOURCE_DATE_EPOCH=epoch())


def _only(found: Iterable[Path]) -> Path:
    files = list(found)
    if len(files) != 1:
        raise ReleaseError(f"expected one file, found {', '.join(map(str, files)) or 'none'}")
    return files[0]


def _run(*arguments: str, **variables: Any) -> None:
    command = [sys.executable, *arguments]
    ran = subprocess.run(
        command, env={**os.environ, **variables}, check=False, capture_output=True, text=True
    )
    if ran.returncode != 0:
        raise ReleaseError(f"{' '.join(arguments[:3])}:\n{ran.stdout}{ran.stderr}")


if __name__ == "__main__":
    try:
        main()
    except ReleaseError as error:
        sys.exit(f"error: {error}")
