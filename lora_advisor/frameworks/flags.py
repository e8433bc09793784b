"""Flags of a project's own training script, named as transformers and the QLoRA scripts name them.

What a flag that is left out means is the script's matter: it stays unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import trl
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import dtype
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN
from lora_advisor.record import replace
from lora_advisor.source.scalars import flag_value

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_LORA: Final = frozenset(
    {"lora_r", "lora_rank", "lora_alpha", "lora_target_modules", "use_lora", "use_peft"}
    | {"lora_enable", "use_llm_lora", "q_lora", "finetuning_type", "use_peft_lora"}
)
"""Flags that tell of an adapter."""
_SWITCHES: Final = ("use_lora", "use_peft", "lora_enable")
_TRAINS: Final = pattern(r"train|tun(?:e|ing)|sft|dpo|grpo")
_USES: Final = pattern(
    r"(?:^|[_.-])(?:api|chat|demo|eval\w*|export\w*|generat\w*|infer\w*|merge\w*|predict\w*"
    r"|serve\w*|test\w*)(?:[_.-]|$)"
)
"""Names of programs that use a trained adapter; one that also speaks of training may do both."""
_NAME: Final = pattern(r"[A-Za-z_][\w.]*")


def of_script(program: str, flags: set[str]) -> Framework | None:
    """Return the format of a script's flags where they tell of an adapter, trained or only used."""
    if not flags & _LORA:
        return None
    own = FRAMEWORKS[0]
    uses = _USES.search(program) is not None and _TRAINS.search(program) is None
    return replace(own, defaults={**own.defaults, "train.enabled": UNKNOWN}) if uses else own


def _targets(value: object) -> object:
    """Read a list of flags' values, or one in brackets as fire and JSON have it.

    How a script splits any other text is its own matter.
    """
    if isinstance(value, str) and value[:1] == "[" and value[-1:] == "]":
        names = [name.strip().strip("\"'") for name in value[1:-1].split(",")]
        return names if all(_NAME.fullmatch(name) for name in names) else UNKNOWN
    return value if isinstance(value, list) or value == "all-linear" else UNKNOWN


def _training_keys() -> dict[str, str | Key]:
    """Return the keys of transformers' training arguments."""
    return {
        name: target
        for name, target in trl.FRAMEWORKS[0].keys.items()
        if (target.field if isinstance(target, Key) else target).startswith("train.")
    }


_OWN: Final[dict[str, str | Key]] = {
    "model_name_or_path": "model.name_or_path",
    "base_model": "model.name_or_path",
    **dict.fromkeys(_SWITCHES, "lora.enabled"),
    "lora_r": "lora.r",
    "lora_rank": "lora.r",
    "use_llm_lora": Key(field="lora.r", read=lambda rank: rank or UNKNOWN),  # InternVL
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "use_rslora": "lora.use_rslora",
    "use_dora": "lora.use_dora",
    "lora_target_modules": Key(field="lora.target_modules", read=_targets),
    "load_in_4bit": "quant.load_in_4bit",
    "load_in_8bit": "quant.load_in_8bit",
    "q_lora": "quant.load_in_4bit",
    "use_4bit_quantization": "quant.load_in_4bit",
    "use_8bit_quantization": "quant.load_in_8bit",
    "bits": "quant.bits",
    "quantization_bit": "quant.bits",
    "bnb_4bit_compute_dtype": Key(field="quant.bnb_4bit_compute_dtype", read=dtype),
    "bnb_4bit_quant_storage": "quant.bnb_4bit_quant_storage",
    "bnb_4bit_quant_storage_dtype": "quant.bnb_4bit_quant_storage",
    "device_map": "model.device_map",
    "deepspeed": "run.deepspeed",
}


def _settle(draft: Draft) -> None:
    _settle_adapter(draft)
    _settle_bits(draft)


def _settle_adapter(draft: Draft) -> None:
    """Train an adapter where layers for it are named and no switch says otherwise."""
    named = draft.written("lora_target_modules")
    draft.put("lora.target_parameters", None, None)
    if named is not None and all(draft.written(switch) is None for switch in _SWITCHES):
        draft.put("lora.enabled", True, named)


def _settle_bits(draft: Draft) -> None:
    """Load in the bits that ``--bits`` names, as the scripts after QLoRA's own do."""
    bits = draft.values.get("quant.bits")
    if bits is None or bits.value is UNKNOWN:
        return
    for width in (4, 8):
        field = f"quant.load_in_{width}bit"
        if field not in draft.values:
            draft.put(field, bits.value == width, bits)


FRAMEWORKS: Final = (
    Framework(
        name="flags",
        title="flags of a training script",
        rank=265,
        recognise=lambda _root, _document: "",
        keys=_training_keys() | _OWN,
        scalars=flag_value,
        casts=True,
        defaults={"train.enabled": True},
        finish=_settle,
    ),
)
