"""What ``convert`` writes of real configs, put to the libraries that are to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lora_advisor import source
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import UNKNOWN_TAG, plain_value, python_value
from lora_advisor.source.tree import Mapping, Scalar
from tests.convert.converted import converted

pytest.importorskip("peft", reason="proofs need the extra 'proofs'")
pytest.importorskip("trl", reason="proofs need the extra 'proofs'")

import peft
import trl
import yaml

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.proof, pytest.mark.filterwarnings("default")]

NEED_GPU = ("bf16", "fp16", "tf32", "fsdp", "deepspeed", "use_liger")
"""Arguments that transformers refuses on a machine without one."""
METHODS = {
    "sft": trl.SFTConfig,
    "dpo": trl.DPOConfig,
    "kto": trl.KTOConfig,
    "grpo": trl.GRPOConfig,
    "reward": trl.RewardConfig,
}


def test_peft_takes_every_argument() -> None:
    seen = 0
    for name, recipe, made in converted("peft", each=4):
        root = source.parse(made.text, made.file).root
        call = root.get("LoraConfig") if isinstance(root, Mapping) else None
        assert isinstance(call, Mapping), name
        given: Any = plain_value(call, _value)
        config = peft.LoraConfig(**{key: v for key, v in given.items() if v is not UNKNOWN})
        for field in ("r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora"):
            wanted = recipe[f"lora.{field}"].value
            if wanted is not UNKNOWN:
                assert getattr(config, field) == wanted, (name, field)
        seen += 1
    assert seen >= 40


def _value(scalar: Scalar) -> object:
    return UNKNOWN if scalar.tag == UNKNOWN_TAG else python_value(scalar)


def test_trl_takes_every_key(tmp_path: Path) -> None:
    from trl.scripts.utils import DatasetMixtureConfig

    seen = 0
    for name, recipe, made in converted("trl", each=6):
        method = recipe["train.method"].value
        if not isinstance(method, str) or method not in METHODS:
            continue
        path = tmp_path / f"{seen}.yaml"
        told = {k: v for k, v in yaml.safe_load(made.text).items() if not k.startswith(NEED_GPU)}
        path.write_text(yaml.safe_dump(told | {"use_cpu": True}), encoding="utf-8")
        scripts: Any = trl.ScriptArguments
        if method == "grpo":
            from trl.scripts import grpo

            scripts = grpo.GRPOScriptArguments
        parser = trl.TrlParser((scripts, METHODS[method], trl.ModelConfig, DatasetMixtureConfig))
        _, arguments, model, _ = parser.parse_args_and_config(["--config", str(path)])
        rank, rate = recipe["lora.r"].value, recipe["train.learning_rate"].value
        assert rank is UNKNOWN or model.lora_r == rank, name
        assert rate is UNKNOWN or arguments.learning_rate == pytest.approx(rate), name
        seen += 1
    assert seen >= 15
