"""Shell scripts: trainings that are configured by flags, and servers that an adapter is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import flags as own_flags
from lora_advisor.frameworks import llamafactory, servers, shell_commands, trl, trl_commands
from lora_advisor.frameworks.draft import Draft
from lora_advisor.frameworks.interface import Framework
from lora_advisor.frameworks.known import with_flags
from lora_advisor.frameworks.launch import devices, processes
from lora_advisor.pattern import pattern
from lora_advisor.record import replace
from lora_advisor.source.scalars import flag_value
from lora_advisor.source.shell import COMMAND, ELIDED, SCRIPT, VARIABLES
from lora_advisor.source.tree import Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Document

_LAUNCHERS: Final = ("accelerate", "torchrun", "deepspeed", "python", "python3", "uv", "poetry")
_LAUNCHING_MODULES: Final = ("torch.distributed.", "accelerate.commands.", "deepspeed.launcher.")
_TRAINING_COMMANDS: Final = ("llamafactory-cli", "axolotl", "trl", "swift", "tune", "litgpt")
"""Commands that take a config's name and may start processes themselves."""
_WHICH: Final = pattern(r"\"?\$\(which (\w+)\)\"?")
_TRL_SCRIPT: Final = pattern(
    r"(?:\btrl(?:\.scripts\.|/scripts/)|(?:^|/)examples/scripts/)"
    r"(sft|dpo|grpo|kto|reward|rloo)(?:_vlm)?(?:\.py)?$"
)
_ONE_PROCESS: Final = ("python", "python3", "swift")
_PROCESS_PER_GPU: Final = ("llamafactory-cli", "lmf")
_LAUNCH_FIELDS: Final = (
    "run.num_processes",
    "run.visible_gpus",
    "run.deepspeed",
    "run.zero_stage",
)
_FILES: Final = (".py", ".yaml", ".yml", ".json", ".toml")
_CONFIGS: Final = (".yaml", ".yml", ".json")


def read(document: Document) -> list[Recipe]:
    """Read the recipes of a script's commands; none when no command trains or serves LoRA."""
    roots = (root for root in document.roots if isinstance(root, Mapping))
    found = (_recipe(root, document) for root in roots)
    return [recipe for recipe in found if recipe is not None]


def _recipe(root: Mapping, document: Document) -> Recipe | None:
    cut_short = root.get(ELIDED) is not None
    root, variables = _without_variables(root)
    words = _words(root)
    launcher, program = _split(root, words)
    framework = _framework(root, words, program) or _launch(root, words)
    if framework is None or _asks_for_help(program):
        return None
    if cut_short and framework is not LAUNCH:
        framework = shell_commands.overrides(framework)
    evidence = f"runs {_program(root, words) or ' '.join(words[:2])}"
    command = _trl_command(root, words)
    if command is not None:
        framework, program = _as_flags(trl.FRAMEWORKS[0]), _behind(command, program)
    program = shell_commands.completed(program, framework)
    if framework is LAUNCH:
        launcher, program = root, replace(program, entries=())
    told = (*launcher.entries, *variables)
    draft = Draft(_launched(framework, told, root, words), document, program, evidence)
    recipe = draft.recipe()
    tells = any(recipe[field].written for field in _LAUNCH_FIELDS) or _names_launch(told)
    return recipe if tells or framework is not LAUNCH else None


def _asks_for_help(program: Mapping) -> bool:
    """Whether a command shows its options and ends."""
    return any(entry.key.text in ("h", "help") for entry in program.entries)


def _names_launch(flags: Iterable[Entry]) -> bool:
    """Whether a command has ``accelerate`` read a file of settings."""
    return any(entry.key.text == "config_file" for entry in flags)


def _trl_command(root: Mapping, words: list[str]) -> str | None:
    """Return the TRL command that is given all by flags, or whose own script is started."""
    command = _command(root, words)
    if command[:1] == ["trl"]:
        named = trl_commands.DEFAULTS.keys() & set(command[1:2])
        return None if _names_config(root) else next(iter(named), None)
    script = _script(root)
    text = _text(root.entries[script]) if script is not None else " ".join(words[1:2])
    found = _TRL_SCRIPT.search(text)
    return found[1] if found is not None else None


def _behind(command: str, program: Mapping) -> Mapping:
    """Put ``trl COMMAND`` before the flags of a script, as if it had been started so."""
    parts = (Scalar(text=part, plain=True, span=program.span) for part in ("trl", command))
    entry = Entry(
        key=Scalar(text=COMMAND, plain=False, span=program.span),
        value=Sequence(items=tuple(parts), span=program.span),
    )
    return replace(program, entries=(entry, *program.entries))


def _without_variables(root: Mapping) -> tuple[Mapping, tuple[Entry, ...]]:
    """Divide a command from the variables it is started with."""
    kept = tuple(entry for entry in root.entries if entry.key.text not in (VARIABLES, ELIDED))
    variables = root.get(VARIABLES)
    entries = variables.entries if isinstance(variables, Mapping) else ()
    return replace(root, entries=kept), entries


def _launch(root: Mapping, words: list[str]) -> Framework | None:
    """Return the format of a command that starts a program on a script or a config."""
    first = words[0].rpartition("/")[2] if words else ""
    starts = first in _LAUNCHERS or first in _TRAINING_COMMANDS
    return LAUNCH if starts and _started(root) else None


def _started(root: Mapping) -> list[str]:
    """Return the files that a command names, in any of its words."""
    texts = (
        item.text
        for entry in root.entries
        for item in (entry.value.items if isinstance(entry.value, Sequence) else (entry.value,))
        if isinstance(item, Scalar) and item.tag is None
    )
    return [text for text in texts if text.endswith(_FILES)]


def _names_config(root: Mapping) -> bool:
    return any(name.endswith(_CONFIGS) for name in _started(root))


def _words(root: Mapping) -> list[str]:
    named = root.get(COMMAND)
    items = named.items if isinstance(named, Sequence) else ()
    return [item.text for item in items if isinstance(item, Scalar)]


def _split(root: Mapping, words: list[str]) -> tuple[Mapping, Mapping]:
    """Divide a command into its launcher's flags and the flags of the program it starts."""
    script = _script(root)
    if script is None:
        started = any(word.endswith(".py") for word in words)
        launches = words[:1] in ([name] for name in _LAUNCHERS) and not started
        flags = replace(root, entries=root.entries[1:])
        return (root, replace(root, entries=())) if launches else (replace(root, entries=()), flags)
    return replace(root, entries=root.entries[:script]), replace(
        root, entries=root.entries[script + 1 :]
    )


def _script(root: Mapping) -> int | None:
    """Return where the program stands that a launcher starts, itself perhaps a module."""
    found = [i for i, entry in enumerate(root.entries) if entry.key.text == SCRIPT]
    started = [i for i in found if not _text(root.entries[i]).startswith(_LAUNCHING_MODULES)]
    return started[0] if started else next(iter(found), None)


def _text(entry: Entry) -> str:
    node = entry.value.items[0] if isinstance(entry.value, Sequence) else entry.value
    return node.text if isinstance(node, Scalar) else ""


def _program(root: Mapping, words: list[str]) -> str:
    """Return the script, module or command that reads the flags (``verl.trainer.main_ppo``)."""
    script = _script(root)
    if script is not None:
        return _text(root.entries[script]).strip("\"'").rpartition("/")[2]
    runs = [word for word in words if word.endswith(".py")] or [w for w in words if "." in w]
    return (runs or words or [""])[-1].rpartition("/")[2]


def _command(root: Mapping, words: list[str]) -> list[str]:
    """Return a command's words without paths; a command that a launcher starts is the one meant."""
    script = _script(root)
    started = root.entries[script].value if script is not None else None
    if isinstance(started, Sequence):
        words = [item.text for item in started.items if isinstance(item, Scalar)]
    return [_WHICH.sub(r"\1", word).rpartition("/")[2] for word in words]


def _framework(root: Mapping, words: list[str], program: Mapping) -> Framework | None:
    flags = {entry.key.text for entry in program.entries}
    command = _command(root, words)
    program_name = _program(root, words)
    server = servers.of_command(command, program_name, program)
    if server is not None:
        return server
    if command[:1] == ["trl"]:
        trains = trl_commands.ASIDE.isdisjoint(command[1:2])
        return _over_file(trl.FRAMEWORKS[0], root, flags) if trains else None
    if command[:1] in (["llamafactory-cli"], ["lmf"]):
        trains = command[1:2] in (["train"], ["export"])
        return _over_file(llamafactory.FRAMEWORKS[0], root, flags) if trains else None
    if {"finetuning_type", "stage"} <= flags:
        return _as_flags(llamafactory.FRAMEWORKS[0])
    own = shell_commands.framework_of(command, program_name, flags)
    if own is not None or shell_commands.is_own(command, program_name):
        return own and _as_flags(own)
    return _further(program_name, flags) or own_flags.of_script(program_name, flags)


def _over_file(framework: Framework, root: Mapping, flags: set[str]) -> Framework | None:
    """Read flags that stand over a config file's keys; None where a file has all there is."""
    if not _names_config(root):
        return _as_flags(framework)
    own = replace(framework, extra=framework.extra | {"config"})
    return _as_flags(shell_commands.overrides(own)) if flags & framework.keys.keys() else None


def _further(program: str, flags: set[str]) -> Framework | None:
    """Return the format of trainers that are started as a module or by a script of their own."""
    from lora_advisor.frameworks import fms, open_instruct, openrlhf, verl

    if program.startswith("openrlhf."):
        return with_flags(openrlhf.FRAMEWORKS[0], program)
    supervised = program.startswith("verl.trainer.") and "sft" in program
    if supervised or any(flag.startswith("actor_rollout_ref.") for flag in flags):
        framework = _as_flags(verl.FRAMEWORKS[1 if supervised else 0])
        other_file = flags & {"config_name", "config_path"}
        return (
            replace(framework, defaults={}, finish=None, knows=frozenset())
            if other_file
            else (framework)
        )
    if "peft_method" in flags and {"training_data_path", "data_config_path"} & flags:
        return _as_flags(fms.FRAMEWORKS[0])
    if {"use_lora", "use_qlora"} & flags and {"use_slow_tokenizer", "with_tracking"} & flags:
        return _as_flags(open_instruct.FRAMEWORKS[0])
    return None


def _as_flags(framework: Framework) -> Framework:
    return replace(framework, casts=True, scalars=flag_value)


def _launched(
    framework: Framework, launcher: Iterable[Entry], root: Mapping, words: list[str]
) -> Framework:
    """Let the launcher's flags and variables say how many processes there are."""
    first = words[0].rpartition("/")[2] if words else ""

    def finish(draft: Draft) -> None:
        if framework.finish is not None:
            framework.finish(draft)
        for entry in launcher:
            _launcher_flag(draft, entry, first)
        draft.put("run.starts", _started(root), None)

    return replace(framework, finish=finish)


def _launcher_flag(draft: Draft, entry: Entry, first: str) -> None:
    """Take processes and GPUs from a flag or variable of the command that begins with ``first``.

    ``llamafactory-cli`` starts a process for each GPU it is let see, ``python`` and ``swift`` one.
    """
    text = entry.value.text if isinstance(entry.value, Scalar) else ""
    number = processes(entry.key.text, text)
    if number is not None:
        draft.put_at("run.num_processes", number, entry)
    if entry.key.text == "mixed_precision" and "run.mixed_precision" not in draft.values:
        draft.put_at("run.mixed_precision", text, entry)
    if entry.key.text == "deepspeed_config_file":
        draft.put_at("run.deepspeed", text, entry)
    if entry.key.text == "zero_stage" and text.isdigit():
        draft.put_at("run.zero_stage", int(text), entry)
    visible = devices(text) if entry.key.text == "CUDA_VISIBLE_DEVICES" else None
    if visible is None:
        return
    if first in _ONE_PROCESS:
        draft.put_at("run.visible_gpus", visible, entry)
    elif first in _PROCESS_PER_GPU and "run.num_processes" not in draft.values:
        draft.put_at("run.num_processes", visible, entry)


LAUNCH: Final = Framework(
    name="launch",
    title="launching command",
    rank=272,
    recognise=lambda _root, _document: "",
    keys={"deepspeed": "run.deepspeed"},
    scalars=flag_value,
    casts=True,
    companion=True,
)
FRAMEWORKS: Final = (*own_flags.FRAMEWORKS, *servers.FRAMEWORKS, LAUNCH)
