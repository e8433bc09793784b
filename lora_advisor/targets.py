"""Which versions of the libraries a config is judged for, and how surely they are known."""

from __future__ import annotations

import operator
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lora_advisor.pattern import pattern
from lora_advisor.record import field, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CURRENT: Final[dict[str, str]] = {
    "accelerate": "1.15.0",
    "autotrain-advanced": "0.8.36",
    "axolotl": "0.21.0",
    "bitsandbytes": "0.50.2",
    "litgpt": "0.5.13",
    "llamafactory": "0.9.5",
    "mlx-lm": "0.32.2",
    "mlx-vlm": "0.7.10",
    "ms-swift": "4.6.0",
    "peft": "0.21.2",
    "tensorrt-llm": "1.2.0",
    "torch": "2.13.0",
    "torchtune": "0.6.1",
    "transformers": "5.24.0",
    "trl": "1.16.0",
    "unsloth": "2026.10.9",
    "vllm": "0.33.0",
}
"""The newest release of each library that the rules were proven on."""


OWN_CHECKOUT: Final = "its own checkout"
"""The source of a release that a library's checkout says it is; it may be ahead of that."""


class TargetError(ValueError):
    """A version or specifier that cannot be read."""


class Target(NamedTuple):
    """The releases a project may have of one package: ``low`` (None: any) to ``high``.

    ``source`` says where the newest one is stated; a lower bound states none (``current``).
    """

    low: str | None
    high: str
    source: str

    @property
    def release(self) -> str:
        """The newest release as people write it: ``0.17.*`` for any 0.17."""
        return self.high.replace(".9999", ".*")


@record
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


@cache
def holds(specifier: str, version: str) -> bool:
    """Whether a release such as ``0.17.1`` is inside a specifier such as ``>=0.15,<0.20``."""
    plain = _AT_DEV.sub(r"\1", specifier)
    clauses = [_CLAUSE.fullmatch(clause.strip()) for clause in plain.split(",")]
    if _RELEASE.fullmatch(version) and all(clauses):
        release = _numbers(version)
        return all(_COMPARE[c[1]](release, _numbers(c[2])) for c in clauses if c)
    from packaging.specifiers import SpecifierSet  # 15 ms that plain releases save

    return SpecifierSet(specifier).contains(version, prereleases=True)


_CLAUSE: Final = pattern(r"(>=|<=|==|!=|<|>)\s*(\d+(?:\.\d+)*)")
_AT_DEV: Final = pattern(r"((?:>=|<)\s*\d[\d.]*)\.dev\d+")
"""No release lies between the first snapshot before a release (``<1.2.dev0``) and itself."""
_RELEASE: Final = pattern(r"\d+(?:\.\d+)*")
_COMPARE: Final = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


def _numbers(release: str) -> list[int]:
    """Split a release for comparison: ``1.0`` and ``1.0.0`` are the same one."""
    numbers = [int(part) for part in release.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def from_requirement(text: str, source: str) -> tuple[str, Target] | None:
    """Read one requirement (``trl==0.12``, ``peft>=0.15,<0.18``) as a package and its target.

    None when it names no library of :data:`CURRENT` or bounds it nowhere; :class:`TargetError`
    when it is no requirement.
    """
    name, clauses = _plain_clauses(text) or _clauses(text)
    package = name.lower().replace("_", "-")
    if package not in CURRENT or not clauses:
        return None
    return package, _target(package, [_bounds(*clause) for clause in clauses], source)


def _plain_clauses(text: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Split a requirement that bounds plain releases, without the 20 ms of who reads them all."""
    found = _PLAIN.fullmatch(text)
    clauses = [_CLAUSE.fullmatch(part.strip()) for part in found[2].split(",")] if found else []
    plain = [(clause[1], clause[2]) for clause in clauses if clause is not None]
    return (found[1], plain) if found and len(plain) == len(clauses) else None


_PLAIN: Final = pattern(r"([A-Za-z0-9][\w-]*)\s*([<>=!][^;@\[]*)")


def _clauses(text: str) -> tuple[str, list[tuple[str, str]]]:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise TargetError(f"cannot read {text!r} as a requirement: {reason}") from None
    return requirement.name, [(spec.operator, spec.version) for spec in requirement.specifier]


def from_options(texts: Iterable[str], source: str = "--target") -> Targets:
    """Read ``peft=0.17`` options; :class:`TargetError` names the one that is wrong.

    A bare version means exactly that release; ``peft=>=0.15,<0.18`` gives a range.
    """
    known = {}
    for text in texts:
        package, separator, version = (part.strip() for part in text.partition("="))
        if not separator or package not in CURRENT:
            raise TargetError(f"{text!r}: expected PACKAGE=VERSION with {', '.join(CURRENT)}")
        known[package] = from_version(package, version, source)
    return Targets(known=known)


def from_version(package: str, version: str, source: str) -> Target:
    """Read a version or specifier of one package of :data:`CURRENT`.

    Raises:
        TargetError: It is neither.
    """
    bare = version.lstrip("=").strip()
    ranged = bare[:1] in tuple("<>~!")
    found = from_requirement(f"{package}{bare}" if ranged else f"{package}=={bare}", source)
    if found is None:
        raise TargetError(f"{package}: {version!r} is no version")
    return found[1]


def either(left: Target, right: Target) -> Target:
    """Join two targets of one package when nobody knows which applies (environment markers)."""
    lows = [low for low in (left.low, right.low) if low is not None]
    newest = max(left, right, key=lambda target: _order(target.high))
    low = min(lows, key=_order) if len(lows) == 2 else None  # noqa: PLR2004 - both are bounded
    return Target(low=low, high=newest.high, source=newest.source)


def _target(package: str, bounds: list[tuple[str | None, str | None]], source: str) -> Target:
    """Meet all bounds; nothing is newer than the current release unless a bound says so."""
    lows = [low for low, _ in bounds if low is not None]
    highs = [high for _, high in bounds if high is not None]
    low = max(lows, key=_order, default=None)
    high = min([*highs, CURRENT[package]], key=_order)
    if low is not None:
        high = max(high, low, key=_order)
    told = bool(highs) or high != CURRENT[package]
    return Target(low=low, high=high, source=source if told else "current")


def _bounds(sign: str, version: str) -> tuple[str | None, str | None]:
    """Return the oldest and the newest release that one clause admits, None for no bound."""
    release = version.removesuffix(".*")
    if sign in ("==", "==="):
        return release, f"{release}.9999" if version.endswith(".*") else release
    if sign == "~=":
        return release, f"{release.rpartition('.')[0]}.9999"
    if sign == ">=":
        return release, None
    if sign == ">":
        return f"{release}.0.1", None
    if sign == "<=":
        return None, release
    return None, _before(release) if sign == "<" else None


def _before(release: str) -> str:
    """Return a number just under a release: ``4.46`` gives ``4.45.9999``."""
    parts = list(_order(release)[0]) or [0]
    parts[-1] = max(parts[-1] - 1, 0)
    return ".".join(str(part) for part in [*parts, 9999])


def _order(release: str) -> tuple[Any, ...]:
    """Return what releases are sorted by: their numbers, then what comes before and after them."""
    if _RELEASE.fullmatch(release):
        return _numbers(release), True
    from packaging.version import Version  # 15 ms that plain releases save

    version = Version(release)
    return _numbers(version.base_version.rpartition("!")[2]), not version.is_prerelease, version
