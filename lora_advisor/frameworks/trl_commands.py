"""TRL's commands: which one a config is for, and the defaults that differ between them.

A config does not name its command. Some arguments exist for one command only; otherwise the name
of the file or of its folder tells, as in alignment-handbook and open-r1 (``dpo/config.yaml``).
Defaults are those of TRL 1.16, tested by ``tests/proofs/test_defaults.py``.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.recipe import Value

REWARD_CLASS: Final = "AutoModelForSequenceClassification"
"""What the trainer of reward models loads a base with that it is given by name."""
COMMON: Final[dict[str, object]] = {
    "train.gradient_checkpointing": True,
    "train.logging_steps": 10,
}
_PREFERENCE: Final[dict[str, object]] = {
    "train.learning_rate": 1e-6,
    "train.beta": 0.1,
    "train.sync_ref_model": False,
    "data.max_length": 1024,
}
_ONLINE: Final[dict[str, object]] = {
    "train.learning_rate": 1e-6,
    "train.sync_ref_model": False,
    "train.generation_batch_size": None,
    "train.steps_per_generation": None,
    "train.use_vllm": False,
}
DEFAULTS: Final[dict[str, dict[str, object]]] = {
    "sft": {
        "train.learning_rate": 2e-5,
        "train.loss_type": "nll",
        "data.max_length": 1024,
        "data.packing": False,
        "data.packing_strategy": "bfd",
        "data.eval_packing": None,
        "data.padding_free": False,
        "data.completion_only_loss": None,
        "data.assistant_only_loss": False,
        "data.pad_token": None,
        "data.eos_token": None,
    },
    "dpo": _PREFERENCE
    | {"train.loss_type": ["sigmoid"], "data.padding_free": False, "data.pad_token": None},
    "kto": _PREFERENCE | {"train.loss_type": "kto"},
    "reward": {
        "train.learning_rate": 1e-4,
        "data.max_length": 1024,
        "data.pad_token": None,
        "data.eos_token": None,
    },
    "grpo": _ONLINE | {"train.num_generations": 8, "train.beta": 0.0, "train.loss_type": "dapo"},
    "rloo": _ONLINE | {"train.num_generations": 2, "train.beta": 0.05},
}
"""Defaults by command, of the fields whose default depends on it."""

_SIGNS: Final[dict[str, frozenset[str]]] = {
    "sft": frozenset(
        {
            "packing",
            "packing_strategy",
            "eval_packing",
            "completion_only_loss",
            "assistant_only_loss",
            "dataset_text_field",
            "dataset_kwargs",
            "max_seq_length",
        }
    ),
    "dpo": frozenset(
        {
            "f_divergence_type",
            "f_alpha_divergence_coef",
            "ld_alpha",
            "rpo_alpha",
            "use_weighting",
            "reference_free",
            "discopop_tau",
            "loss_weights",
            "model_adapter_name",
            "ref_adapter_name",
        }
    ),
    "kto": frozenset({"desirable_weight", "undesirable_weight"}),
    "reward": frozenset({"center_rewards_coefficient"}),
    "grpo": frozenset({"reward_funcs", "num_generations", "scale_rewards", "epsilon_high"}),
    "rloo": frozenset({"rloo_k", "normalize_advantages", "reward_clip_range"}),
    "cpo": frozenset({"cpo_alpha", "simpo_gamma"}),
}
_ALSO_RLOO: Final = frozenset({"reward_funcs", "num_generations", "epsilon_high"})
_DPO_LOSS_NAMES: Final = """
sigmoid hinge ipo exo_pair nca_pair robust bco_pair sppo_hard aot aot_pair aot_unpaired apo_zero
apo_down discopop sigmoid_norm
"""
_DPO_LOSSES: Final = frozenset(_DPO_LOSS_NAMES.split())
_METHODS: Final = frozenset({*DEFAULTS, "orpo", "cpo", "simpo", "ppo"})
ASIDE: Final = frozenset({"vllm-serve", "env", "chat", "skills"})
"""Commands of TRL that train nothing."""
_WHY: Final = "the file does not tell the TRL command (sft, dpo, grpo, …)"


def settle(draft: Draft) -> None:
    """Find the command, and fill in the defaults that depend on it."""
    method, source, sure = _method(draft)
    if method:
        draft.put("train.method", method, source)
        if method == "reward":
            draft.put("model.auto_class", REWARD_CLASS, None)
    else:
        draft.unknown("train.method", _WHY)
    own = DEFAULTS.get(method, {})
    doubtful = set() if sure else {"train.num_generations", "train.beta", "train.loss_type"}
    for field in {field for table in DEFAULTS.values() for field in table}:
        if field in draft.values:
            continue
        if field in own and field not in doubtful:
            draft.put(field, own[field], None)
        elif field in own or not own:
            draft.unknown(field, _WHY)


def _method(draft: Draft) -> tuple[str, Value | None, bool]:
    """Return the command, the key that tells it, and whether it can be no other's.

    GRPO and RLOO share the arguments that both are told by; GRPO is taken, as RLOO files are rare.
    """
    command = draft.written("$")  # a command line names it: trl sft …
    if command is not None and isinstance(command.value, list):
        return str(next(iter(command.value[1:2]), "")), command, True
    written = [key.path for key in draft.keys if "." not in key.path]
    named = _named(draft.document.path)
    found = {method for method, signs in _SIGNS.items() if not signs.isdisjoint(written)}
    if "rloo" in found or named == "rloo":
        found.discard("grpo")
    if len(found) == 1:
        method = found.pop()
        key = next(name for name in written if name in _SIGNS[method])
        seen = _SIGNS[method].intersection(written)
        sure = method == named or not seen <= _ALSO_RLOO
        return method, draft.written(key), sure
    if found:
        return "", None, False
    loss = draft.written("loss_type")
    if loss is not None and draft.written("beta") and _losses(loss.value) & _DPO_LOSSES:
        return "dpo", loss, True
    return named, None, True


def _losses(value: object) -> set[str]:
    names = value if isinstance(value, list) else [value]
    return {name for name in names if isinstance(name, str)}


def _named(path: str) -> str:
    """Return the one method that the file's name, or else its folder's, speaks of."""
    parts = PurePath(path)
    for name in (parts.stem, parts.parent.name):
        methods = set(re.split(r"[^a-z0-9]+", name.lower())) & _METHODS
        if methods:
            return methods.pop() if len(methods) == 1 else ""
    return ""
