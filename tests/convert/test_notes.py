"""What a user is told of a conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks, source
from lora_advisor.convert import convert, writers
from lora_advisor.convert.writer import ConvertError

if TYPE_CHECKING:
    from lora_advisor.convert import Converted

AXOLOTL = """\
base_model: meta-llama/Llama-3.1-8B-Instruct
adapter: qlora
load_in_4bit: true
lora_r: 16
lora_alpha: 32
lora_target_linear: true
datasets:
  - {path: train.jsonl, type: chat_template}
sequence_len: 4096
learning_rate: ${RATE}
micro_batch_size: 2
gradient_accumulation_steps: 8
warmup_ratio: 0.05
val_set_size: 0.02
wandb_project: mine
"""


def converted(to: str, text: str = AXOLOTL, name: str = "config.yaml") -> Converted:
    return convert(frameworks.read(source.parse(text, name))[0], writers()[to])


def told(found: Converted, kind: str) -> dict[str, str]:
    return {note.key: note.message for note in found.notes if note.kind == kind}


def test_alpha_becomes_mlx_scale() -> None:
    text = converted("mlx-lm").text
    assert "scale: 2.0" in text
    assert "rank: 16" in text


def test_what_the_target_has_not_is_told() -> None:
    found = converted("trl")
    assert "val_set_size" in told(found, "lost")
    assert "wandb_project" in next(iter(told(found, "left")))


def test_a_placeholder_is_not_guessed() -> None:
    found = converted("trl")
    assert "learning_rate" in told(found, "unknown")
    assert "learning_rate" not in found.text


def test_defaults_of_the_source_are_made_explicit() -> None:
    """axolotl decays in a cosine and quantises twice; TRL does neither of itself."""
    text = converted("trl").text
    assert "lr_scheduler_type: cosine" in text
    assert "use_bnb_nested_quant: true" in text


def test_a_share_is_no_step_count() -> None:
    """warmup_steps below 1 is a share to transformers 5, and 0 steps to an older reader."""
    trl = "model_name_or_path: a/b\ndataset_name: c/d\nuse_peft: true\nwarmup_steps: 0.1\n"
    assert "warmup_ratio: 0.1" in converted("llamafactory", trl, "sft.yaml").text


def test_data_in_a_file_is_loaded_as_one() -> None:
    assert "data_files: train.jsonl" in converted("trl").text
    assert 'load_dataset("json", data_files=DATA' in converted("unsloth").text


@pytest.mark.parametrize("to", ["peft", "unsloth"])
def test_scripts_are_python(to: str) -> None:
    compile(converted(to).text, "train.py", "exec")


def test_what_a_format_has_not_is_refused() -> None:
    dpo = AXOLOTL + "rl: dpo\n"
    with pytest.raises(ConvertError, match="dpo"):
        converted("mlx-lm", dpo)
    other = AXOLOTL.replace("meta-llama/Llama-3.1-8B-Instruct", "bigscience/bloom")
    with pytest.raises(ConvertError, match="builder"):
        converted("torchtune", other)
