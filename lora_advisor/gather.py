"""Everything a run looks at: documents, their recipes, companions, and the versions around them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lora_advisor import frameworks, requirements
from lora_advisor.discover import companion, companion_paths, discover, glimpse, read, take_text
from lora_advisor.findings import Checked, mistake
from lora_advisor.frameworks.companions import Launches, followed_paths, may_accompany
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.discover import Discovery, Found
    from lora_advisor.recipe import Recipe
    from lora_advisor.settings import Settings
    from lora_advisor.source.tree import Document
    from lora_advisor.targets import Targets


@record
class Gathered:
    """The material of a run; ``targets`` are the versions that count for each file."""

    discovery: Discovery
    recipes: tuple[Recipe, ...]
    targets: dict[str, Targets]


def gather(
    checked: Iterable[str | Path], settings: Settings, *, stdin: tuple[bytes, str] | None = None
) -> Gathered:
    """Read files and folders, and the companions that the configs among them name.

    ``stdin`` is a config given as text, and its name.
    """
    run = Run(checked, settings, stdin=stdin)
    recipes = sorted(run.recipes(), key=lambda recipe: run.position(recipe.document.path))
    return Gathered(discovery=run.discovery, recipes=tuple(recipes), targets=run.targets)


class Run:
    """The files of a run, read one by one, so that those done with need not be held.

    ``files`` and ``targets`` (the versions that count for each file) grow while recipes are taken.
    """

    def __init__(
        self,
        checked: Iterable[str | Path],
        settings: Settings,
        *,
        stdin: tuple[bytes, str] | None = None,
        found: bool = False,
    ) -> None:
        """Find the files.

        ``stdin`` is a config given as text, and its name. ``found`` passes over named files that
        are no config (see :func:`lora_advisor.discover.discover`).
        """
        self.settings = settings
        self.discovery = discover(checked, settings, found=found)
        if stdin is not None:
            take_text(self.discovery, *stdin)
        self.files: list[Checked] = []
        self.targets: dict[str, Targets] = {}
        self._around: dict[Path, Targets] = {}
        self._launches = Launches()
        self._positions: dict[str, int] = {}

    def recipes(self) -> Iterator[Recipe]:
        """Read all files; yield every recipe as soon as it knows what its companions say.

        Files that may be companions are read first, then notebooks, which hold commands.
        """
        found = list(self.discovery.files)
        self._positions = {file.name: at for at, file in enumerate(found)}
        early = {file: None for file in found if _comes_early(file)} if len(found) > 1 else {}
        late = (file for file in found if file not in early)
        yield from self._settled([recipe for file in early for recipe in self._read(file)])
        for file in sorted(late, key=lambda file: file.path.suffix.lower() != ".ipynb"):
            yield from self._settled(self._read(file))
        yield from (joined for _, joined in self._launches.rest())

    def position(self, file: str) -> int:
        """Return where a file stands among all, those found by their names in configs last."""
        return self._positions.get(file, len(self._positions))

    def _settled(self, recipes: list[Recipe]) -> Iterator[Recipe]:
        return (joined for _, joined in self._launches.settled(recipes))

    def _read(self, found: Found) -> list[Recipe]:
        """Return the recipes of a file, and those of the companions that they name."""
        recipes = self._recipes(read(self.discovery, found))
        for recipe in tuple(recipes):
            for path in companion_paths(followed_paths(recipe), recipe.document.path):
                if self.settings.excluded(path) is None:
                    recipes += self._recipes(companion(self.discovery, path))
        return recipes

    def _recipes(self, document: Document | None) -> list[Recipe]:
        """Read a document; one that leads to a mistake of ours fails by itself."""
        if document is None:
            return []
        try:
            recipes = read_as(document, self.settings)
        except Exception as error:  # noqa: BLE001 - the other files are still checked
            self.discovery.failures.append(mistake(document.path, error))
            recipes = []
        self.files.append(checked_as(document, recipes))
        if recipes:
            self.targets[document.path] = self._targets(recipes[-1].document)
        return recipes

    def _targets(self, document: Document) -> Targets:
        """Return the versions that count for a file; most files of a folder share them."""
        folder = Path(document.path).parent
        if folder not in self._around:
            self._around[folder] = requirements.find(folder)
        installed = requirements.installed(document)
        return self._around[folder].updated(installed).updated(self.settings.targets)


def _comes_early(found: Found) -> bool:
    """Whether a file may be the companion of one that is read after it."""
    program = found.path.suffix.lower() in (".py", ".ipynb")
    return not program and may_accompany(found.name, glimpse(found))


def read_as(document: Document, settings: Settings) -> list[Recipe]:
    """Read every recipe of a document, in the format it is in or is told to be in."""
    name = settings.framework_of(document.path)
    return frameworks.read(document, frameworks.by_name(name) if name else None)


def checked_as(document: Document, recipes: Iterable[Recipe]) -> Checked:
    """Say which format a document's first recipe is in, one of a launch left aside."""
    own = next((recipe for recipe in recipes if recipe.framework != "launch"), None)
    if own is None:
        return Checked(file=document.path, framework=None, evidence="no sign of a known format")
    return Checked(file=document.path, framework=own.framework, evidence=own.evidence)
