"""Formats that are recognised but not read yet: only their name is known.

Each sign is one that no other format has, so that none of these files is taken for a home-made
config. No rule fires on them, and ``check`` says which format it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework
from lora_advisor.source.scalars import yaml11
from lora_advisor.source.tree import Mapping, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.source.tree import Document, Node


def _component(key: str, start: str) -> Callable[[Node], str]:
    """Recognise a section that names a class or function of the framework."""

    def found(root: Node) -> str:
        for section, path in signs.child_text(root, key):
            if path.startswith(start):
                return f"{section}.{key}: {path}"
        return ""

    return found


def _automodel(root: Node) -> str:
    recipe = signs.text(root, "recipe")
    return _component("_target_", "nemo_automodel.")(root) or (
        f"recipe: {recipe}" if "Recipe" in recipe else ""
    )


def _ai_toolkit(root: Node) -> str:
    processes = signs.node(root, "config.process")
    job = signs.text(root, "job")
    return f"job: {job} and config.process" if job and isinstance(processes, Sequence) else ""


def _autotrain(root: Node) -> str:
    return signs.all_of(root, "task", "base_model", "backend", "project_name")


def _ludwig(root: Node) -> str:
    return signs.all_of(root, "input_features", "output_features")


def _litgpt(root: Node) -> str:
    return signs.all_of(root, "checkpoint_dir", "lora_r")


def _verl(root: Node) -> str:
    if "actor_rollout_ref" in signs.keys(root):
        return "actor_rollout_ref"
    if signs.text(root, "_target_").startswith("verl."):
        return f"_target_: {signs.text(root, '_target_')}"
    epochs = signs.text(root, "trainer.total_epochs")
    model = signs.one_of(signs.section(root, "model") or root, "partial_pretrain", "lora_rank")
    return f"model.{model} and trainer.total_epochs" if epochs and model else ""


def _ms_swift(root: Node) -> str:
    kind = signs.one_of(root, "tuner_type", "train_type", "sft_type", "rlhf_type")
    model = signs.one_of(root, "model", "model_type", "model_id_or_path", "mcore_model")
    return f"{kind} and {model}" if kind and model else ""


def _unsloth_studio(root: Node) -> str:
    """Tell unsloth Studio from other files of sections: by the switches only it has."""
    if not signs.text(root, "lora.lora_r"):
        return ""
    for section, names in (
        ("training", ("train_on_completions", "training_type")),
        ("lora", ("finetune_vision_layers", "vision_all_linear")),
    ):
        found = signs.one_of(signs.node(root, section) or root, *names)
        if found:
            return f"lora.lora_r and {section}.{found}"
    return ""


def _oumi(root: Node) -> str:
    trainer = signs.text(root, "training.trainer_type")
    if trainer:
        return f"training.trainer_type: {trainer}"
    quantised = signs.text(root, "peft.q_lora")
    return "peft.q_lora and training" if quantised and signs.section(root, "training") else ""


def _nemo(root: Node) -> str:
    for path in ("model.peft.peft_scheme", "model.peft.lora_tuning"):
        if signs.node(root, path) is not None:
            return path
    target = signs.text(root, "model.peft._target_") or signs.text(root, "model._target_")
    return f"model: {target}" if target.startswith("nemo.") else ""


def _open_instruct(root: Node) -> str:
    switch = signs.one_of(root, "use_lora", "use_qlora")
    own = signs.one_of(root, "use_slow_tokenizer", "with_tracking", "dataset_mixer_list")
    return f"{switch} and {own}" if switch and own else ""


def _llm_foundry(root: Node) -> str:
    own = signs.one_of(root, "train_loader", "device_train_microbatch_size", "icl_tasks")
    model = signs.text(root, "model.name") or signs.node(root, "models")
    return f"{own} and a model of llm-foundry" if own and model else ""


def _kohya(root: Node) -> str:
    own = signs.one_of(root, "network_module", "network_dim", "LoRA_type")
    if own or not isinstance(root, Mapping):
        return own
    for entry in root.entries:
        own = signs.one_of(entry.value, "network_module", "network_dim")
        if own:
            return f"{entry.key.text}.{own}"
    return ""


def _prime_rl(root: Node) -> str:
    own = signs.one_of(root, "orchestrator", "ckpt", "deployment")
    for path in ("trainer.model.lora", "model.lora"):
        if own and signs.section(root, path) is not None:
            return f"{path} and {own}"
    return signs.all_of(root, "orchestrator", "trainer")


def _onetrainer(root: Node) -> str:
    return signs.all_of(root, "training_method", "lora_rank")


def _chatglm(root: Node) -> str:
    return signs.all_of(root, "peft_config", "training_args", "data_config")


def _later(
    name: str, title: str, rank: int, sign: Callable[[Node], str], *syntaxes: str
) -> Framework:
    """Declare a format that is written in one of ``syntaxes``, any if none is given."""

    def recognise(root: Node, document: Document) -> str:
        return sign(root) if not syntaxes or document.format in syntaxes else ""

    return Framework(
        name=name, title=title, rank=rank, recognise=recognise, keys={}, scalars=yaml11
    )


FRAMEWORKS: Final = (
    _later("torchtune", "torchtune", 10, _component("_component_", "torchtune.")),
    _later("nemo-automodel", "NeMo Automodel", 20, _automodel),
    _later("ai-toolkit", "AI Toolkit", 40, _ai_toolkit),
    _later("autotrain", "AutoTrain Advanced", 50, _autotrain),
    _later("ludwig", "Ludwig", 60, _ludwig),
    _later("litgpt", "LitGPT", 70, _litgpt),
    _later("verl", "verl", 80, _verl),
    _later("ms-swift", "ms-swift", 110, _ms_swift),
    _later("unsloth-studio", "Unsloth Studio", 130, _unsloth_studio),
    _later("oumi", "Oumi", 140, _oumi),
    _later("nemo", "NeMo", 150, _nemo),
    _later("open-instruct", "Open Instruct", 160, _open_instruct),
    _later("llm-foundry", "LLM Foundry", 165, _llm_foundry),
    _later("chatglm-finetune", "ChatGLM finetune_demo", 180, _chatglm),
    _later("kohya", "kohya sd-scripts", 230, _kohya, "toml", "json"),
    _later("prime-rl", "prime-rl", 240, _prime_rl, "toml"),
    _later("onetrainer", "OneTrainer", 250, _onetrainer, "json"),
)
