"""Collect which configuration argument existed in which release, as JSON.

Downloads wheels (or reads tags of a git directory), parses the sources with `ast` and writes
`lora_advisor/frameworks/keys/<package>.json`. Nothing that was downloaded is imported or run.

Of each minor release the first and the last patch are read; where they differ, all between.
So `since` (first release with the key) and `until` (first release without it) are exact among
the published final releases.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import key_deepspeed
import key_history
import key_kohya
import key_litgpt
import key_mlx
import key_torchtune
from key_classes import ClassSource, Package
from key_fields import base_labels, fields_of, nested_models
from key_releases import (
    checkout_sources,
    first_and_last_of_each_minor,
    published,
    release_sources,
    requirement_on,
    tagged,
)
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTPUT = Path(__file__).parent.parent / "lora_advisor" / "frameworks" / "keys"
PINNED = ("peft", "transformers", "trl")
# Trainers of language models; the many experimental one-paper ones are left out for size.
TRAINERS = (
    "BCO|CPO|DPO|Distillation|GKD|GOLD|GRPO|IterativeSFT|KTO|MiniLLM|NashMD|ORPO|OnlineDPO"
    "|PPO|PPOv2|PRM|RLOO|Reward|SFT|XPO"
)
LLAMAFACTORY = (
    "Model|Data|Finetuning|Generating|Training|Evaluation|MegatronBridge|_KTransformersRuntime"
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Classes to record: names matching `pattern` in files matching `globs`, first file wins."""

    pattern: str
    globs: tuple[str, ...]
    prefix: str = ""
    nested: bool = False


@dataclass(frozen=True, kw_only=True)
class Target:
    """One package: where it starts and which of its classes are configuration."""

    oldest: str
    modules: tuple[str, ...]
    classes: tuple[Wanted, ...]
    flatten: bool = False
    only_tags: bool = False


TARGETS = {
    "transformers": Target(
        oldest="4.30",
        modules=("transformers",),
        classes=(
            Wanted(
                pattern="(Seq2Seq)?TrainingArguments", globs=("transformers/training_args*.py",)
            ),
            Wanted(
                pattern="BitsAndBytesConfig", globs=("transformers/utils/quantization_config.py",)
            ),
        ),
    ),
    "trl": Target(
        oldest="0.7",
        modules=("trl",),
        classes=(
            Wanted(
                pattern=f"({TRAINERS}|Model)Config",
                globs=("trl/trainer/*_config.py", "trl/experimental/*/*_config.py"),
            ),
            Wanted(pattern=r"Dataset\w*Config", globs=("trl/scripts/utils.py",)),
            Wanted(
                pattern=r"\w*ScriptArguments",
                globs=(
                    "trl/scripts/utils.py",
                    *(f"trl/scripts/{name}.py" for name in ("dpo", "grpo", "kto", "rloo", "sft")),
                    "trl/commands/cli_utils.py",
                ),
            ),
        ),
    ),
    "peft": Target(
        oldest="0.4",
        modules=("peft",),
        classes=(
            Wanted(
                pattern=r"(?!Lycoris)[A-Z]\w*Config(Mixin)?",
                globs=(
                    "peft/config.py",
                    "peft/utils/config.py",
                    "peft/tuners/lora/config.py",
                    "peft/tuners/*/config.py",
                    "peft/tuners/*.py",
                ),
            ),
        ),
    ),
    "axolotl": Target(
        oldest="0.4",
        modules=("axolotl",),
        flatten=True,
        classes=(
            Wanted(
                pattern="AxolotlInputConfig",
                nested=True,
                globs=(
                    "axolotl/utils/schemas/config.py",
                    "axolotl/utils/config/models/input/*/__init__.py",
                ),
            ),
            Wanted(
                pattern=r"\w+Args|SwanLabConfig",
                nested=True,
                globs=("axolotl/integrations/*/args.py",),
            ),
        ),
    ),
    "llamafactory": Target(
        oldest="0.6",
        modules=("llamafactory", "llmtuner"),
        flatten=True,
        classes=(
            Wanted(
                pattern=f"({LLAMAFACTORY})Arguments",
                globs=("*/hparams/*.py",),
            ),
            Wanted(pattern=r"\w+Arguments", prefix="v1.", globs=("*/v1/config/*.py",)),
        ),
    ),
    "deepspeed": Target(
        oldest="0.19.5",  # a plain list: older code spreads the same look-ups over other files
        modules=("deepspeed",),
        flatten=True,
        only_tags=True,
        classes=(
            Wanted(pattern="DeepSpeedZeroConfig", globs=("deepspeed/runtime/zero/config.py",)),
            Wanted(
                pattern=r"DeepSpeedZeroOffload\w+Config",
                globs=("deepspeed/runtime/zero/offload_config.py",),
            ),
            Wanted(
                pattern="DeepSpeed(BF|FP)16Config", globs=("deepspeed/runtime/precision_config.py",)
            ),
        ),
    ),
    "ms-swift": Target(
        oldest="2.0",
        modules=("swift",),
        flatten=True,
        classes=(
            Wanted(
                pattern="(Sft|Train|RLHF)Arguments",
                globs=(
                    "swift/arguments/*_args.py",
                    "swift/llm/argument/*_args.py",
                    "swift/llm/utils/argument.py",
                ),
            ),
        ),
    ),
    "litgpt": Target(
        oldest="0.4",
        modules=("litgpt",),
        flatten=True,
        classes=(Wanted(pattern="(Train|Eval|Log)Args", globs=("litgpt/args.py",)),),
    ),
    "torchtune": Target(
        oldest="0.1",
        modules=("torchtune", "recipes"),
        flatten=True,
        classes=(),
    ),
    "mlx-lm": Target(
        oldest="0.3",  # the first one that read a file
        modules=("mlx_lm",),
        flatten=True,
        classes=(),
    ),
    "kohya": Target(
        oldest="0.7",
        modules=(
            "library",
            *(
                f"{model}train_network.py"
                for model in ("", "sdxl_", "sd3_", "flux_", "lumina_", "hunyuan_image_", "anima_")
            ),
        ),
        flatten=True,
        only_tags=True,
        classes=(),
    ),
    "accelerate": Target(
        oldest="0.20",
        modules=("accelerate",),
        flatten=True,
        classes=(
            Wanted(
                pattern="(Cluster|SageMaker)Config",
                globs=("accelerate/commands/config/config_args.py",),
            ),
        ),
    ),
}


def snapshot(target: Target, folder: Path) -> key_history.Snapshot:
    """The configuration classes of one release: label -> what the source says of it."""
    root = folder / "src" if (folder / "src").is_dir() else folder
    name = next((name for name in target.modules if (root / name).is_dir()), target.modules[0])
    package = Package(root, name)
    found = dict(_selected(target, package))
    kept = frozenset() if target.flatten else frozenset(found)
    classes = {
        label: key_history.Class(
            module=source.module.dotted,
            bases=base_labels(package, source, kept),
            fields=fields_of(package, source, kept),
        )
        for label, source in found.items()
    }
    return classes | _without_class(package, name)


def _without_class(package: Package, name: str) -> key_history.Snapshot:
    """The top level of the files of DeepSpeed, mlx-lm and others, which no class describes."""
    if name == "litgpt":
        return key_litgpt.config_classes(package)
    if name == "mlx_lm":
        return key_mlx.config_classes(package)
    if name == "library":
        return key_kohya.config_classes(package)
    if name == "torchtune":
        return key_torchtune.config_classes(package)
    if name != "deepspeed":
        return {}
    fields = key_deepspeed.top_level_keys(package)
    module = "deepspeed.runtime.config"
    return {"DeepSpeedConfig": key_history.Class(module=module, bases=[], fields=fields)}


def _selected(target: Target, package: Package) -> Iterator[tuple[str, ClassSource]]:
    """Labelled classes; of several with one label only the first counts."""
    seen: set[str] = set()
    for wanted in target.classes:
        for source in _matching(wanted, package):
            label = wanted.prefix + source.name
            if label not in seen:
                seen.add(label)
                yield label, source


def _matching(wanted: Wanted, package: Package) -> Iterator[ClassSource]:
    for module in package.modules(wanted.globs):
        for name, node in module.classes.items():
            if re.fullmatch(wanted.pattern, name):
                source = ClassSource(module=module, node=node)
                yield from _with_nested(package, source) if wanted.nested else [source]


def _with_nested(package: Package, source: ClassSource) -> list[ClassSource]:
    """A model and every model its annotations reach; the first one of a name counts."""
    found = {source.name: source}
    waiting = [source]
    while waiting:
        for nested in nested_models(package, waiting.pop()):
            if nested.name not in found:
                found[nested.name] = nested
                waiting.append(nested)
    return list(found.values())


@dataclass(frozen=True, kw_only=True)
class Collector:
    """Reads the releases of one package, from wheels or from the tags of a git directory."""

    package: str
    cache: Path
    checkout: Path | None
    head: str | None

    def releases(self) -> list[str]:
        """Final releases, published or tagged, oldest first."""
        names = set(tagged(self.checkout) if self.checkout else ())
        if not TARGETS[self.package].only_tags:
            names |= set(published(self.package))
        return sorted(names | ({self.head} if self.head else set()), key=Version)

    def folder(self, version: str) -> Path:
        """The sources of one release on this disk."""
        if self.checkout and (version == self.head or version in tagged(self.checkout)):
            folder = self.cache / f"{self.package}-tag-{version}"
            revision = "HEAD" if version == self.head else f"v{version}"
            parts = ("src", *TARGETS[self.package].modules, "requirements.txt", "pyproject.toml")
            return checkout_sources(self.checkout, revision, folder, parts)
        return release_sources(self.package, version, self.cache)

    def run(self) -> dict[str, Any]:
        """The content of the package's file."""
        target = TARGETS[self.package]
        releases = [name for name in self.releases() if Version(name) >= Version(target.oldest)]
        history: dict[str, key_history.Snapshot] = {}
        wanted = first_and_last_of_each_minor(releases)
        while wanted:
            history |= {name: snapshot(target, self.folder(name)) for name in wanted}
            history = dict(sorted(history.items(), key=lambda item: Version(item[0])))
            wanted = key_history.unread_between_changes(history, releases)
        full = {version: classes for version, classes in history.items() if classes}
        return {
            "package": self.package,
            "newest": max(full, key=Version),
            "versions": list(full),
            "requires": self._requires(full),
            "classes": key_history.fold(full),
        }

    def _requires(self, versions: dict[str, key_history.Snapshot]) -> dict[str, dict[str, str]]:
        """Range of each pinned library, per version where it changes."""
        found: dict[str, dict[str, str]] = {}
        for library in PINNED:
            last: str | None = None
            for version in versions:
                pinned = requirement_on(self.folder(version), library)
                if pinned is not None and pinned != last:
                    found.setdefault(library, {})[version] = pinned
                last = pinned
        return found


def main() -> None:
    """Parse the options and write one file per package."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("packages", nargs="*", default=list(TARGETS), help="default: all")
    parser.add_argument("--cache", type=Path, required=True, help="folder for downloads")
    parser.add_argument(
        "--checkout",
        action="append",
        default=[],
        metavar="PACKAGE=GIT_DIR",
        help="read the releases that have a tag v<version> from this git directory",
    )
    parser.add_argument(
        "--head",
        action="append",
        default=[],
        metavar="PACKAGE=VERSION",
        help="also read the newest commit of the git directory, as this (development) version",
    )
    options = parser.parse_args()
    checkouts = dict(item.split("=", 1) for item in options.checkout)
    heads = dict(item.split("=", 1) for item in options.head)
    for package in options.packages:
        checkout = Path(checkouts[package]) if package in checkouts else None
        head = heads.get(package) if checkout else None
        collector = Collector(package=package, cache=options.cache, checkout=checkout, head=head)
        key_history.write(OUTPUT / f"{package}.json", collector.run())


if __name__ == "__main__":
    main()
