"""What one more file costs, kind by kind, and the memory of large runs of all kinds."""

from __future__ import annotations

import shutil
import statistics
from typing import TYPE_CHECKING

from tables import markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from speed_process import Used

    Run = Callable[[Sequence[str]], Used]

KINDS = {"YAML": (".yaml", ".yml"), "Python": (".py",), "notebook": (".ipynb",), "JSON": (".json",)}
SIZES = (200, 1000)
ROUNDS = 3
BY_KIND = ("kind", "different files", "median size (kB)", "CPU ms per further file")
BY_SIZE = ("files of all kinds", "CPU s", "CPU ms per file", "peak memory (MiB)")


def mixed_tables(home: Path, command: Sequence[str], run: Run, folder: Path) -> str:
    """Time each kind by itself and then all of them together; both tables as Markdown."""
    found = {kind: _files(home, endings) for kind, endings in KINDS.items()}
    found = {kind: paths for kind, paths in found.items() if paths}
    kinds = [_of_kind(kind, paths, command, run, folder) for kind, paths in found.items()]
    sizes = [_of_size(size, list(found.values()), command, run, folder) for size in SIZES]
    return f"\n{markdown_table(BY_KIND, kinds)}\n\n{markdown_table(BY_SIZE, sizes)}"


def _files(home: Path, endings: Sequence[str]) -> list[Path]:
    return sorted(path for path in home.rglob("*") if path.suffix in endings)


def _of_kind(
    kind: str, paths: Sequence[Path], command: Sequence[str], run: Run, folder: Path
) -> list[str]:
    """Take the cost of starting, and of everything read once, from that of many files."""
    names = _copied(paths, folder / kind, max(2, min(len(paths), SIZES[0])))
    one, many = (_seconds(command, chosen, run) for chosen in (names[:1], names))
    each = (many - one) / (len(names) - 1) * 1000
    size = statistics.median(path.stat().st_size for path in paths) / 1000
    return [kind, str(len(paths)), f"{size:.1f}", f"{each:.2f}"]


def _of_size(
    size: int, kinds: Sequence[Sequence[Path]], command: Sequence[str], run: Run, folder: Path
) -> list[str]:
    """Check as many files of each kind; where there are too few, they come again."""
    share = size // len(kinds)
    home = folder / f"mixed{size}"
    names = [
        name
        for number, paths in enumerate(kinds)
        for name in _copied(paths, home / str(number), share)
    ]
    found = run([*command, "check", *names, "--exit-zero", "--skip-unknown"])
    each = found.seconds / len(names) * 1000
    return [str(len(names)), f"{found.seconds:.2f}", f"{each:.2f}", f"{found.mebibytes:.0f}"]


def _seconds(command: Sequence[str], names: Sequence[str], run: Run) -> float:
    words = [*command, "check", *names, "--exit-zero", "--skip-unknown"]
    return min(run(words).seconds for _ in range(ROUNDS))


def _copied(paths: Sequence[Path], folder: Path, count: int) -> list[str]:
    """Copy files under new names, again and again until there are enough of them."""
    folder.mkdir(parents=True)
    for at in range(count):
        path = paths[at % len(paths)]
        shutil.copyfile(path, folder / f"{at:04}_{path.name}")
    return [str(path) for path in sorted(folder.iterdir())]
