"""Reads misconfiguration cases and lays each one out as the folder its user would have had."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import yaml
from adapter_files import write_adapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE_NAMES: Mapping[str, str] = {
    "adapter-config-json": "adapter_config.json",
    "axolotl-yaml": "config.yaml",
    "llamafactory-yaml": "train_lora.yaml",
    "torchtune-yaml": "recipe.yaml",
    "litgpt-yaml": "lora.yaml",
    "mlx-lora-yaml": "lora_config.yaml",
    "kohya-json": "kohya_preset.json",
}
NAME_ENDINGS: Mapping[str, str] = {
    "-yaml": "config.yaml",
    "-json": "preset.json",
    "-toml": "config.toml",
    "-python": "train.py",
    "-cli": "run.sh",
    "-notebook": "train.ipynb",
}
TRL_SCRIPTS: Mapping[str, str] = {
    "grpo.yaml": r"grpo|num_generations|reward_",
    "dpo.yaml": r"\bdpo|^beta:",
}
SERVED_ADAPTER = re.compile(r"--lora-modules\s+\S+?=(\.?[\w./-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One side of a case: the faulty files, or the corrected ones."""

    name: str
    config: str
    files: Mapping[str, str]
    serve: str | None
    model: Mapping[str, Any]
    adapter: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case file: its two sides and what a linter should say about the faulty one.

    ``today`` holds the causes expected with the current libraries: None where nobody knows.
    """

    id: str
    dialect: str
    detectable_by: str
    env: Mapping[str, str]
    faulty: Variant
    fixed: Variant | None
    clean: bool
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    severity: str
    today: tuple[str, ...] | None
    may_report: tuple[str, ...]
    hardware: Mapping[str, Any] = field(default_factory=dict)

    @property
    def silent(self) -> bool:
        """Whether nothing at all should be reported: clean files, faults only a run can show."""
        return self.clean or self.detectable_by == "runtime-only"


def read_cases(folder: Path) -> list[Case]:
    """Read every case of a folder in the order of the file names; a broken file raises."""
    paths = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    return [read_case(path) for path in paths]


def read_case(path: Path) -> Case:
    """Read one case file; a ValueError names the file when a field is missing or misshapen."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return build_case(data)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a case file: {error!r}") from error


def build_case(data: Mapping[str, Any]) -> Case:
    """Build a case out of a case file's mapping."""
    expect = data["expect"]
    clean = expect == "clean"
    wanted: Mapping[str, Any] = {} if clean else expect
    today = data.get("today_tags")
    return Case(
        id=data["id"],
        dialect=data["dialect"],
        detectable_by=data["detectable_by"],
        env={str(name): str(pin) for name, pin in (data.get("env") or {}).items()},
        faulty=faulty_variant(data),
        fixed=fixed_variant(data),
        clean=clean,
        tags=tuple(wanted.get("tags") or ()),
        fields=tuple(wanted.get("fields") or ()),
        severity=str(wanted.get("severity", "none")),
        today=None if today is None else tuple(today),
        may_report=tuple(data.get("may_report") or ()),
        hardware=data.get("hardware") or {},
    )


def faulty_variant(data: Mapping[str, Any]) -> Variant:
    """Take the faulty side of a case, or the only side of a clean one."""
    return Variant(
        name="faulty",
        config=data["config"],
        files=data.get("files") or {},
        serve=serve_line(data.get("serve")),
        model=data.get("model") or {},
        adapter=data.get("adapter") or {},
    )


def fixed_variant(data: Mapping[str, Any]) -> Variant | None:
    """Take the corrected side: parts without a ``fixed_`` of their own stay as they were."""
    if not any(key == "fixed" or key.startswith("fixed_") for key in data):
        return None
    return Variant(
        name="fixed",
        config=data.get("fixed", data["config"]),
        files=fixed_files(data),
        serve=serve_line(data.get("fixed_serve", data.get("serve"))),
        model=data.get("fixed_model", data.get("model")) or {},
        adapter=data.get("fixed_adapter", data.get("adapter")) or {},
    )


def fixed_files(data: Mapping[str, Any]) -> Mapping[str, str]:
    """Choose the side files of the corrected side: a new config keeps those it still names."""
    if "fixed_files" in data:
        return data["fixed_files"] or {}
    files: Mapping[str, str] = data.get("files") or {}
    if "fixed" not in data:
        return files
    return {path: text for path, text in files.items() if PurePosixPath(path).name in data["fixed"]}


def serve_line(serve: Mapping[str, Any] | None) -> str | None:
    """Take the command line that serves or converts the adapter, where the case gives one."""
    args = (serve or {}).get("args")
    return " ".join(map(str, args)) if isinstance(args, list) else args


def file_name(dialect: str, text: str) -> str:
    """Name a config the way users of its framework do; an unheard-of dialect gets plain text."""
    if dialect == "trl-yaml":
        seen = (name for name, words in TRL_SCRIPTS.items() if re.search(words, text, re.MULTILINE))
        return next(seen, "sft.yaml")
    if dialect in FILE_NAMES:
        return FILE_NAMES[dialect]
    endings = (name for ending, name in NAME_ENDINGS.items() if dialect.endswith(ending))
    return next(endings, "config.txt")


def config_path(dialect: str, variant: Variant) -> str:
    """Say where the config lies; a served adapter lies where the serving command looks for it."""
    name = file_name(dialect, variant.config)
    served = SERVED_ADAPTER.search(variant.serve or "")
    if dialect == "adapter-config-json" and served and not served[1].startswith("/"):
        return (PurePosixPath(served[1]) / name).as_posix()
    return name


def lay_out(
    case: Case, variant: Variant, folder: Path, *, pins: bool, index: bool = False
) -> list[str]:
    """Write one side of a case into an empty folder and return the paths a user would check.

    ``pins`` writes the case's library versions as a ``requirements.txt``, ``index`` the module
    names it gives of a remote-code model as a weight index.
    """
    config = config_path(case.dialect, variant)
    checked = {config: variant.config, **variant.files}
    if variant.serve:
        checked["serve.sh"] = variant.serve.rstrip() + "\n"
    for path, text in checked.items():
        write(folder, path, text)
    if pins:
        own = WRITTEN_FOR if case.dialect in BARE else {}
        write(folder, "requirements.txt", requirements(case.env or own))
    if model := model_config(variant.model):
        write(folder, "model/config.json", json.dumps(model, indent=2) + "\n")
    if index and (modules := variant.model.get("module_names")):
        write(folder, "model/model.safetensors.index.json", weight_index(modules))
    if variant.adapter:
        write_adapter(folder, config, variant.config, variant.adapter)
    return list(checked)


WRITTEN_FOR: Final = {"peft": "0.21.2", "transformers": "5.23.0", "trl": "1.16.0"}
"""The releases a case without pins was written for: those current at its writing."""
BARE: Final = ("hf-python", "peft-python", "trl-yaml", "trl-cli")
"""Dialects of the libraries themselves; a framework chooses its libraries' releases."""


def requirements(env: Mapping[str, str]) -> str:
    """Write library versions the way pip reads them; the interpreter's own is left out."""
    return "".join(f"{name}=={pin}\n" for name, pin in env.items() if name != "python")


def model_config(model: Mapping[str, Any]) -> dict[str, Any]:
    """Make the base model's ``config.json``, empty where the case knows nothing of it."""
    known = {key: model[key] for key in ("model_type", "architectures") if key in model}
    return {**known, **model.get("config", {})}


def weight_index(modules: Sequence[str]) -> str:
    """Write a weight index with one weight per module name; cases give the first layer only."""
    weights = {f"{module}.weight": "model.safetensors" for module in modules}
    return json.dumps({"metadata": {}, "weight_map": weights}, indent=2) + "\n"


def write(folder: Path, path: str, text: str) -> None:
    """Write a file at a relative path; a path that leaves the folder is refused."""
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ValueError(f"{path}: lies outside the case's folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
