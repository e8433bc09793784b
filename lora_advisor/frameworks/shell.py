"""Shell scripts: trainings that are configured by flags, and servers that an adapter is for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import llamafactory, trl
from lora_advisor.frameworks.draft import Draft
from lora_advisor.frameworks.interface import Framework, Key, comma_list
from lora_advisor.frameworks.launch import processes
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12
from lora_advisor.source.shell import COMMAND, SCRIPT
from lora_advisor.source.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Document, Entry

_LAUNCHERS: Final = ("accelerate", "torchrun", "deepspeed", "python", "python3", "uv", "poetry")
_LORA_FLAGS: Final = frozenset(
    {"lora_r", "lora_rank", "lora_alpha", "lora_target_modules", "use_lora", "use_peft"}
)


def read(document: Document) -> list[Recipe]:
    """Read the recipes of a script's commands; none when no command trains or serves LoRA."""
    roots = (root for root in document.roots if isinstance(root, Mapping))
    found = (_recipe(root, document) for root in roots)
    return [recipe for recipe in found if recipe is not None]


def _recipe(root: Mapping, document: Document) -> Recipe | None:
    words = _words(root)
    launcher, program = _split(root, words)
    framework = _framework(words, program)
    if framework is None:
        return None
    evidence = f"runs {' '.join(words[:2])}"
    draft = Draft(_launched(framework, launcher), document, program, evidence)
    return draft.recipe()


def _words(root: Mapping) -> list[str]:
    named = root.get(COMMAND)
    items = named.items if isinstance(named, Sequence) else ()
    return [item.text for item in items if isinstance(item, Scalar)]


def _split(root: Mapping, words: list[str]) -> tuple[Mapping, Mapping]:
    """Divide a command into its launcher's flags and the flags of the program it starts."""
    script = next((i for i, e in enumerate(root.entries) if e.key.text == SCRIPT), None)
    if script is None:
        launches = bool(words) and words[0] in _LAUNCHERS and not words[-1].endswith(".py")
        return (root, replace(root, entries=())) if launches else (replace(root, entries=()), root)
    return replace(root, entries=root.entries[:script]), replace(
        root, entries=(root.entries[0], *root.entries[script + 1 :])
    )


def _framework(words: list[str], program: Mapping) -> Framework | None:
    flags = {entry.key.text for entry in program.entries}
    command = [word.rpartition("/")[2] for word in words]
    if command[:2] == ["vllm", "serve"] and "enable_lora" in flags:
        return VLLM
    if command[:1] == ["trl"]:
        return _as_flags(trl.FRAMEWORKS[0])
    if command[:1] == ["llamafactory-cli"] or {"finetuning_type", "stage"} <= flags:
        return _as_flags(llamafactory.FRAMEWORKS[0])
    if command[:1] in (["swift"], ["axolotl"], ["tune"], ["mlx_lm.lora"]):
        return None
    return HF_FLAGS if flags & _LORA_FLAGS else None


def _as_flags(framework: Framework) -> Framework:
    return replace(framework, casts=True, scalars=yaml12, extra=framework.extra | {COMMAND})


def _launched(framework: Framework, launcher: Mapping) -> Framework:
    """Let the launcher's flags say how many processes there are."""

    def finish(draft: Draft) -> None:
        if framework.finish is not None:
            framework.finish(draft)
        for entry in launcher.entries:
            _launcher_flag(draft, entry)

    return replace(framework, finish=finish)


def _launcher_flag(draft: Draft, entry: Entry) -> None:
    number = processes(entry.key.text, entry.value.text if isinstance(entry.value, Scalar) else "")
    if number is not None:
        draft.put_at("run.num_processes", number, entry)


def _targets(value: object) -> object:
    """Read a list of flags' values; how a script splits one text is its own matter."""
    return value if isinstance(value, list) or value == "all-linear" else UNKNOWN


def _hf_keys() -> dict[str, str | Key]:
    keys = {
        name: target
        for name, target in trl.FRAMEWORKS[0].keys.items()
        if (target.field if isinstance(target, Key) else target).startswith("train.")
    }
    return keys | {
        "model_name_or_path": "model.name_or_path",
        "lora_r": "lora.r",
        "lora_rank": "lora.r",
        "lora_alpha": "lora.lora_alpha",
        "lora_dropout": "lora.lora_dropout",
        "use_rslora": "lora.use_rslora",
        "use_dora": "lora.use_dora",
        "lora_target_modules": Key(field="lora.target_modules", read=_targets),
        "load_in_4bit": "quant.load_in_4bit",
        "load_in_8bit": "quant.load_in_8bit",
        "deepspeed": "run.deepspeed",
    }


HF_FLAGS: Final = Framework(
    name="flags",
    title="flags of a training script",
    rank=265,
    recognise=lambda _root, _document: "",
    keys=_hf_keys(),
    scalars=yaml12,
    casts=True,
    defaults={"train.enabled": True},
)
VLLM: Final = Framework(
    name="vllm",
    title="vLLM command line",
    rank=266,
    recognise=lambda _root, _document: "",
    keys={
        "enable_lora": "run.serves_lora",
        "max_lora_rank": "run.serve_max_rank",
        "lora_modules": Key(
            field="run.serve_adapters", read=lambda v: v if isinstance(v, list) else [v]
        ),
        "lora_target_modules": Key(
            field="run.serve_targets", read=lambda v: comma_list(v) if isinstance(v, str) else v
        ),
    },
    scalars=yaml12,
    casts=True,
    defaults={"run.serve_max_rank": 16, "run.serve_targets": None, "run.server": "vllm"},
    companion=True,
)
FRAMEWORKS: Final = (HF_FLAGS, VLLM)
