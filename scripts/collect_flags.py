"""Collect the flags that training scripts take, as JSON: one list for each script.

Reads the tags and the newest commit of a git directory; `lora_advisor/frameworks/keys/<name>.json`
then holds every flag that some release of a script took. Which release it was is left out: people
run these scripts from a checkout of any day.

    python scripts/collect_flags.py diffusers GIT_DIR
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import key_history
from key_kohya import is_switch, names
from key_releases import first_and_last_of_each_minor, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTPUT = Path(__file__).parent.parent / "lora_advisor" / "frameworks" / "keys"
SCRIPTS = {
    "diffusers": r"examples/\w+/train_(?!.*control)\w*lora\w*\.py",
    "openrlhf": r"(?:openrlhf/cli|examples)/train_\w+\.py",
}
"""The paths of the scripts of each collection."""
_COMMON = "Common"

Flags = dict[str, dict[str, object]]


def main() -> None:
    """Parse the options and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=sorted(SCRIPTS))
    parser.add_argument("checkout", type=Path, metavar="GIT_DIR")
    options = parser.parse_args()
    versions = first_and_last_of_each_minor(tagged(options.checkout))
    found: dict[str, Flags] = {}
    partly: set[str] = set()
    for revision in (*(f"v{version}" for version in versions), "HEAD"):
        for script, flags in _scripts(options.checkout, revision, SCRIPTS[options.name]):
            partly |= set() if flags else {script}
            for flag, said in flags.items():
                found.setdefault(script, {}).setdefault(flag, {}).update(said)
    content = {
        "package": options.name,
        "newest": versions[-1],
        "versions": versions,
        "requires": {},
        "classes": _classes({name: found[name] for name in found if name not in partly}),
    }
    key_history.write(OUTPUT / f"{options.name}.json", content)


def _scripts(checkout: Path, revision: str, wanted: str) -> Iterator[tuple[str, Flags]]:
    for path in _git(checkout, "ls-tree", "-r", "--name-only", revision).split("\n"):
        if re.fullmatch(wanted, path):
            tree = ast.parse(_git(checkout, "show", f"{revision}:{path}"))
            yield PurePosixPath(path).stem, _flags(tree)


def _flags(tree: ast.Module) -> Flags:
    """Return the flags of a script; none where it makes up the names of some."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    if any(isinstance(part, ast.JoinedStr) for node in calls if _adds(node) for part in node.args):
        return {}
    return {name: _type(node) for node in calls for name in names(node)}


def _type(node: ast.Call) -> dict[str, object]:
    """Tell switches, and flags that take several words, from those with one."""
    if is_switch(node):
        return {"type": "bool"}
    return {"type": "list"} if any(word.arg == "nargs" for word in node.keywords) else {}


def _adds(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"


def _classes(found: dict[str, Flags]) -> dict[str, dict[str, object]]:
    """Divide the flags into those that all scripts have and those of each, with which it starts."""
    shared = set.intersection(*(set(flags) for flags in found.values()))
    first = next(iter(found.values()))
    common = {flag: first[flag] for flag in sorted(shared)}
    own = {
        script: _class(script, [_COMMON], {f: flags[f] for f in sorted(set(flags) - shared)})
        for script, flags in sorted(found.items())
    }
    return {_COMMON: _class(_COMMON, [], common), **own}


def _class(module: str, bases: list[str], keys: Flags) -> dict[str, object]:
    return {"module": module, "bases": bases, "keys": keys}


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "--git-dir", str(checkout), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
