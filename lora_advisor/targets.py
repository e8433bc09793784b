"""Which versions of the libraries a config is judged for, and how surely they are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CURRENT: Final[dict[str, str]] = {
    "accelerate": "1.15.0",
    "axolotl": "0.21.0",
    "bitsandbytes": "0.50.2",
    "llamafactory": "0.9.5",
    "peft": "0.21.2",
    "torch": "2.13.0",
    "transformers": "5.23.0",
    "trl": "1.16.0",
}
"""The newest release of each library that the rules were proven on."""


class TargetError(ValueError):
    """A version or specifier that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The releases a project may have of one package: ``low`` (None: any) to ``high``."""

    low: str | None
    high: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is known of the versions in use; an unlisted package is assumed to be current."""

    known: Mapping[str, Target] = field(default_factory=dict)

    def get(self, package: str) -> Target:
        """Return the range known for a package, or the current release with no lower bound."""
        current = Target(low=None, high=CURRENT.get(package, "0"), source="current")
        return self.known.get(package, current)

    def may_hold(self, specifiers: Mapping[str, str]) -> bool:
        """Whether the newest admissible release of every package is inside its specifier."""
        return all(holds(spec, self.get(package).high) for package, spec in specifiers.items())

    def surely_hold(self, specifiers: Mapping[str, str]) -> bool:
        """Whether also the oldest admissible release of every package is inside."""
        lows = ((spec, self.get(package).low) for package, spec in specifiers.items())
        return self.may_hold(specifiers) and all(
            low is not None and holds(spec, low) for spec, low in lows
        )

    def updated(self, other: Targets) -> Targets:
        """Return these with everything that ``other`` knows put over them."""
        return Targets(known={**self.known, **other.known})


def holds(specifier: str, version: str) -> bool:
    """Whether a release such as ``0.17.1`` is inside a specifier such as ``>=0.15,<0.20``."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - 15 ms that most runs save

    return SpecifierSet(specifier).contains(version, prereleases=True)


def from_requirement(text: str, source: str) -> tuple[str, Target] | None:
    """Read one requirement (``trl==0.12``, ``peft>=0.15,<0.18``) as a package and its target.

    None when it names no library of :data:`CURRENT` or bounds it nowhere. A bare
    ``PACKAGE=VERSION`` (command line) means exactly that release.
    """
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415

    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise TargetError(f"cannot read {text!r} as a requirement: {error}") from None
    package = requirement.name.lower().replace("_", "-")
    if package not in CURRENT or not requirement.specifier:
        return None
    bounds = [(spec.operator, spec.version) for spec in requirement.specifier]
    return package, _target(CURRENT[package], bounds, source)


def from_options(texts: Iterable[str]) -> Targets:
    """Read ``--target peft=0.17`` options; :class:`TargetError` names the one that is wrong."""
    known = {}
    for text in texts:
        package, separator, version = text.partition("=")
        if not separator or package.strip() not in CURRENT:
            raise TargetError(f"{text!r}: expected PACKAGE=VERSION with {', '.join(CURRENT)}")
        found = from_requirement(f"{package.strip()}=={version.strip().lstrip('=')}", "--target")
        if found is not None:
            known[found[0]] = found[1]
    return Targets(known=known)


def _target(current: str, bounds: list[tuple[str, str]], source: str) -> Target:
    low: str | None = None
    high = current
    for operator, version in bounds:
        release = version.removesuffix(".*")
        if operator in ("==", "===", "~="):
            low = release
            high = release if operator != "~=" and not version.endswith(".*") else high
        if version.endswith(".*") and operator == "==":
            high = f"{release}.9999"
        if operator == "~=":
            high = f"{release.rpartition('.')[0]}.9999"
        elif operator in (">=", ">"):
            low = release
        elif operator in ("<=", "<"):
            high = release if operator == "<=" else _before(release)
    return Target(low=low, high=high, source=source)


def _before(release: str) -> str:
    """Return a number just under a release: ``4.46`` gives ``4.45.9999``, ``5`` gives ``4.9999``."""
    parts = [int(part) for part in release.split(".") if part.isdigit()]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    parts[-1] -= 1
    return ".".join(str(part) for part in [*parts, 9999])
