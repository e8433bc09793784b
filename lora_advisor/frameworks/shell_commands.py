"""Commands of trainers that are told by their own name: ms-swift, torchtune, mlx-lm and others.

Where a command also names a config file, what its flags leave out is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import (
    autotrain,
    diffusers,
    kohya,
    litgpt,
    mlx,
    mlx_vlm,
    ms_swift,
    torchtune,
)
from lora_advisor.frameworks.known import known_keys
from lora_advisor.recipe import FIELDS, UNKNOWN
from lora_advisor.record import replace
from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Collection

    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.source.tree import Entry, Mapping

_FILES: Final = (".yaml", ".yml", ".json", ".toml")
_SWIFT_METHODS: Final = {"sft": "sft", "pt": "pretrain", "rlhf": "dpo"}
_SWIFT_SWITCHES: Final = frozenset({"tuner_type", "train_type", "sft_type"})
_SWIFT_SCRIPTS: Final = frozenset({"llm_sft.py", "llm_dpo.py", "sft.py", "rlhf.py", "pt.py"})
_EXPORT: Final = "swift.cli.export"
_ARGPARSE: Final = frozenset(
    {"diffusers", "kohya", "llamafactory", "mlx-lm", "ms-swift", "openrlhf", "trl"}
)
"""Formats whose command takes a flag that is cut short."""
_OF_TRANSFORMERS: Final = frozenset({"llamafactory", "ms-swift", "trl", "flags"})
"""Formats read by ``HfArgumentParser``, which makes ``--no_x`` of a switch ``x`` that is on."""
_SHORT: Final = frozenset({"c", "config"})
_NOTHING: Final = dict.fromkeys(FIELDS, UNKNOWN)


def framework_of(command: list[str], program: str, flags: set[str]) -> Framework | None:
    """Return the format of a command's flags, None where it trains nothing we can read."""
    first = command[:1]
    if first == ["megatron"] or program.startswith("swift.cli._megatron"):
        trains = {"sft", "pt", "rlhf"} & {part for word in command for part in word.split(".")}
        return _beside_file(ms_swift.FRAMEWORKS[1], beside=True) if trains else None
    if "merge_lora" in flags and (command[:2] == ["swift", "export"] or program == _EXPORT):
        return ms_swift.FRAMEWORKS[2]
    swift = _is_swift(command, program)
    if swift or (program in _SWIFT_SCRIPTS and flags & _SWIFT_SWITCHES):
        return _beside_file(_swift(command), any(word.endswith(_FILES) for word in command))
    if first == ["tune"] and "run" in command:
        return overrides(torchtune.FRAMEWORKS[0])
    apple = _mlx(command, program, flags)
    if apple is not None:
        return apple
    if command[:2] == ["litgpt", "finetune_lora"] or command[:3] == ["litgpt", "finetune", "lora"]:
        return _litgpt(command, flags)
    if command[:2] == ["autotrain", "llm"] and "train" in flags:
        own = autotrain.FRAMEWORKS[0]
        return replace(own, keys=autotrain.FLAGS)
    if "network_module" in flags:
        return _beside_file(kohya.FRAMEWORKS[0], "config_file" in flags)
    return diffusers.of_script(program)


def _mlx(command: list[str], program: str, flags: set[str]) -> Framework | None:
    """Return the format of a command of mlx-lm or mlx-vlm, None for any other."""
    beside = bool(flags & _SHORT)
    if program in ("mlx_lm.lora", "mlx_lm.tuner") or command[:2] == ["mlx_lm", "lora"]:
        return _beside_file(mlx.FRAMEWORKS[-1], beside)
    if "mlx_vlm.lora" in (program, *command[:1]):
        return mlx_vlm.FRAMEWORKS[0]
    trains = "mlx_vlm.train" in (program, *command[:1])
    return _beside_file(mlx_vlm.TRAIN, beside) if trains else None


def is_own(command: list[str], program: str) -> bool:
    """Whether a command is one of these trainers', so that its flags mean nothing else."""
    return command[:1] in (
        ["swift"],
        ["axolotl"],
        ["tune"],
        ["megatron"],
        ["litgpt"],
        ["autotrain"],
    ) or program.startswith(("mlx_lm", "mlx_vlm", "swift.cli."))


def _swift(command: list[str]) -> Framework:
    """Let the command say what is trained: ``rlhf`` is DPO unless a flag says otherwise."""
    words = {part for word in command for part in word.split(".")}
    method = next((name for word, name in _SWIFT_METHODS.items() if word in words), UNKNOWN)
    swift = ms_swift.FRAMEWORKS[0]
    return replace(swift, defaults={**swift.defaults, "train.method": method})


def _litgpt(command: list[str], flags: set[str]) -> Framework:
    """Take the model from behind the command's name, where it may stand without a flag."""
    own = litgpt.FRAMEWORKS[0]
    named = [word for word in command[2:] if word != "lora"]
    if named and "checkpoint_dir" not in flags:
        own = replace(own, defaults={**own.defaults, "model.name_or_path": named[0]})
    return _beside_file(own, "config" in flags)


def _is_swift(command: list[str], program: str) -> bool:
    trains = {"sft", "pt", "rlhf"}
    by_name = command[:1] in (["swift"], ["swift.cli.main"]) and bool(trains & set(command[1:2]))
    return by_name or program in {f"swift.cli.{name}" for name in trains}


def completed(program: Mapping, framework: Framework) -> Mapping:
    """Write out the flags that argparse takes for the one option that begins so.

    ``--max_train_epoch`` is ``--max_train_epochs`` to it, ``--lr`` nothing where several fit, and
    ``--no_packing`` switches packing off.
    """
    entries = program.entries
    if framework.name in _OF_TRANSFORMERS:
        options = known_keys(framework) or framework.keys
        entries = tuple(_switched_off(entry, options) for entry in entries)
    if framework.name in _ARGPARSE:
        known = known_keys(framework)
        entries = tuple(_completed(entry, known) for entry in entries)
    return replace(program, entries=entries)


def _switched_off(entry: Entry, known: Collection[str]) -> Entry:
    name, value = entry.key.text.removeprefix("no_"), entry.value
    alone = isinstance(value, Scalar) and value.span == entry.key.span
    if name == entry.key.text or entry.key.text in known or name not in known or not alone:
        return entry
    return replace(entry, key=replace(entry.key, text=name), value=replace(value, text="false"))


def _completed(entry: Entry, known: Collection[str]) -> Entry:
    name = entry.key.text
    if name in known or not name[:1].isalpha() or name in _SHORT:
        return entry
    fitting = [option for option in known if option.startswith(name)]
    return replace(entry, key=replace(entry.key, text=fitting[0])) if len(fitting) == 1 else entry


def _beside_file(framework: Framework, beside: bool) -> Framework:
    return overrides(framework) if beside else framework


def overrides(framework: Framework) -> Framework:
    """Know what is written only: a file elsewhere decides everything else."""
    return replace(framework, defaults=_NOTHING, finish=None, knows=frozenset())
