"""What the recipe says of a TRL config against what TRL's own parser makes of it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import pytest

from lora_advisor import frameworks
from lora_advisor.frameworks.interface import Key
from lora_advisor.recipe import UNKNOWN
from tests.frameworks.reading import recipe

pytest.importorskip("peft", reason="proofs need the extra 'proofs'")
pytest.importorskip("trl", reason="proofs need the extra 'proofs'")

import trl

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.proof, pytest.mark.filterwarnings("default")]

CONFIGS = {"sft": trl.SFTConfig, "dpo": trl.DPOConfig, "grpo": trl.GRPOConfig}
BASE = "model_name_or_path: a/b\nuse_peft: true\nuse_cpu: true\noutput_dir: unused\n"
TEXTS = [
    "",
    "lora_r: 16.0\n",
    "lora_r: '8'\nlora_alpha: null\n",
    "learning_rate: 2e-4\nweight_decay: 1e-2\n",
    "lora_target_modules: [q_proj]\nlora_modules_to_save: [lm_head]\n",
    "lora_target_modules: [all-linear]\n",
    "lora_target_modules: q_proj,v_proj\n",
    "lora_target_modules: [q_proj, v_proj]\n",
    "fp16: true\n",
    "bf16: null\nfp16: true\n",
    "bf16: 'false'\n",
    "gradient_checkpointing: null\n",
    "gradient_checkpointing: no\n",
    "activation_checkpointing: false\n",
    "activation_checkpointing: true\ngradient_checkpointing: false\n",
    "lr_scheduler_kwargs: {min_lr: 1e-6}\nlr_scheduler_type: cosine_with_min_lr\n",
    "num_train_epochs: 2\nmax_steps: 10\nwarmup_steps: 0.1\n",
    "load_in_4bit: true\nbnb_4bit_quant_type: fp4\nuse_bnb_nested_quant: yes\ndtype: bfloat16\n",
    "save_total_limit: null\nneftune_noise_alpha: '5'\n",
]


def plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("command", sorted(CONFIGS))
def test_the_recipe_says_what_the_parser_makes(command: str, text: str, tmp_path: Path) -> None:
    config = tmp_path / command / "config.yaml"
    config.parent.mkdir()
    config.write_text(BASE + text)
    parser = trl.TrlParser((CONFIGS[command], trl.ModelConfig))
    parsed = parser.parse_args_and_config(["--config", str(config)])
    found = recipe(BASE + text, str(config))
    assert found["train.method"].value == command
    for field, name in _arguments(parsed):
        value = found[field].value
        made = next(plain(getattr(part, name)) for part in parsed if hasattr(part, name))
        if value is UNKNOWN or (field == "train.report_to" and not made):
            continue
        assert value == made, (field, name)
        assert type(value) is type(made) or {type(value), type(made)} == {int, float}


def _arguments(parsed: tuple[Any, ...]) -> list[tuple[str, str]]:
    """Return field and argument of everything the parser made that the recipe speaks of."""
    framework = frameworks.by_name("trl")
    assert framework is not None
    # Worked out from other fields, or another name of a field that is compared.
    derived = {
        "train.activation_checkpointing",
        "train.accelerator_config",
        "train.generation_batch_size",
        "train.steps_per_generation",
        "run.fsdp",
    }
    return [
        (field, name)
        for name, target in framework.keys.items()
        if "." not in name and any(hasattr(part, name) for part in parsed)
        for field in [target.field if isinstance(target, Key) else target]
        if field not in derived and name not in ("train_sampling_strategy", "fsdp_config")
    ]
