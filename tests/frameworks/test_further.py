"""Formats of further trainers: what each file says in the words of PEFT and transformers."""

from __future__ import annotations

import pytest

from lora_advisor.facts import config_keys
from lora_advisor.recipe import UNKNOWN
from lora_advisor.targets import Targets
from tests.frameworks.reading import recipe

LUDWIG = """\
model_type: llm
base_model: org/base
quantization: {bits: 4}
adapter: {type: lora, r: 16, dropout: 0.1}
trainer: {type: dpo, learning_rate: 0.0003, batch_size: 2, dpo_beta: 0.2}
input_features: [{name: prompt, type: text}]
output_features: [{name: chosen, type: text}]
"""
AUTOMODEL = """\
recipe: TrainFinetuneRecipeForNextTokenPrediction
step_scheduler: {global_batch_size: 64, local_batch_size: 4, max_steps: 100}
model:
  _target_: nemo_automodel.NeMoAutoModelForCausalLM.from_pretrained
  pretrained_model_name_or_path: org/base
  torch_dtype: bf16
peft: {_target_: nemo_automodel.components._peft.lora.PeftConfig, dim: 16, target_modules: q_proj}
quantization: {load_in_4bit: true, load_in_8bit: false}
optimizer: {_target_: torch.optim.AdamW, lr: 1e-4, weight_decay: 0}
"""
NEMO = """\
model:
  peft:
    peft_scheme: lora
    lora_tuning: {target_modules: [attention_qkv], adapter_dim: 32, alpha: 64}
  optim: {lr: 1e-4}
"""
OUMI = """\
model: {model_name: org/base, model_max_length: 4096, torch_dtype_str: bfloat16}
training: {trainer_type: TRL_SFT, use_peft: true, learning_rate: 3e-4, save_steps: 0}
peft: {q_lora: true, lora_r: 16, lora_target_modules: [all-linear], lora_init_weights: RANDOM}
"""
VERL_SFT = """\
data: {train_batch_size: 64, max_length: 2048}
model: {partial_pretrain: org/base, lora_rank: 32, target_modules: [q_proj, v_proj]}
optim: {lr: 1e-4}
trainer: {total_epochs: 2, total_training_steps: null}
"""
VERL = """\
algorithm: {adv_estimator: grpo}
actor_rollout_ref:
  model: {path: org/base, lora_rank: 64, lora_alpha: 32}
  actor: {optim: {lr: 3e-6}, ppo_micro_batch_size_per_gpu: 4}
trainer: {total_epochs: 15}
"""
PRIME = """\
max_steps = 20
[model]
name = "org/base"
[model.lora]
rank = 8
[optim]
lr = 1e-4
[ckpt]
"""
OPEN_INSTRUCT = """\
model_name_or_path: org/base
use_lora: true
use_qlora: true
lora_rank: 32
use_slow_tokenizer: true
learning_rate: 1.0e-04
"""
FOUNDRY = """\
model:
  name: hf_causal_lm
  pretrained_model_name_or_path: org/base
  peft_config: {peft_type: LORA, r: 64, lora_alpha: 128, target_modules: [Wqkv]}
train_loader: {}
optimizer: {lr: 1e-4}
max_duration: 2ep
device_train_microbatch_size: auto
"""
FMS = """\
{"model_name_or_path": "org/base", "training_data_path": "d.jsonl", "peft_method": "lora",
 "r": 16, "target_modules": ["all-linear"], "learning_rate": 1e-4, "torch_dtype": "float16"}
"""
CHATGLM = """\
data_config: {train_file: train.json}
training_args: {output_dir: out, learning_rate: 5e-5, max_steps: 3000}
peft_config: {peft_type: LORA, task_type: CAUSAL_LM, r: 8, lora_alpha: 32}
"""
H2O = """\
llm_backbone: org/base
problem_type: text_causal_language_modeling
architecture: {backbone_dtype: int8}
training: {lora_r: 8, lora_target_modules: "q_proj, v_proj", epochs: 2}
"""
Fields = dict[str, object]
CASES: list[tuple[str, str, Fields]] = [
    ("ludwig", LUDWIG, {
        "lora.enabled": True, "lora.r": 16, "lora.lora_alpha": 32, "lora.lora_dropout": 0.1,
        "lora.target_modules": None, "lora.bias": "none", "train.method": "dpo",
        "train.learning_rate": 0.0003, "train.beta": 0.2, "train.num_train_epochs": 100,
        "quant.load_in_4bit": True, "quant.method": "bitsandbytes",
        "quant.bnb_4bit_quant_type": "nf4", "quant.bnb_4bit_compute_dtype": "float16",
        "model.name_or_path": "org/base", "train.optim": UNKNOWN,
    }),
    ("nemo-automodel", AUTOMODEL, {
        "lora.enabled": True, "lora.r": 16, "lora.lora_alpha": 32, "model.dtype": "bfloat16",
        "lora.target_modules": ["q_proj"], "train.learning_rate": 1e-4, "train.weight_decay": 0,
        "train.per_device_train_batch_size": 4, "train.total_batch_size": 64,
        "train.optim": "adamw_torch", "quant.bnb_4bit_quant_storage": "bfloat16",
        "train.method": "sft", "train.gradient_accumulation_steps": UNKNOWN,
    }),
    ("nemo", NEMO, {
        "lora.enabled": True, "lora.r": 32, "lora.lora_alpha": 64, "train.learning_rate": 1e-4,
        "lora.target_modules": UNKNOWN, "lora.bias": UNKNOWN,
    }),
    ("oumi", OUMI, {
        "lora.enabled": True, "lora.r": 16, "lora.lora_alpha": 8, "train.method": "sft",
        "lora.target_modules": "all-linear", "lora.init_lora_weights": False,
        "train.learning_rate": 3e-4, "train.save_strategy": "no", "data.max_length": 4096,
        "quant.load_in_4bit": True, "quant.bnb_4bit_quant_type": "fp4",
        "quant.bnb_4bit_compute_dtype": "float32", "train.per_device_train_batch_size": 8,
    }),
    ("verl-sft", VERL_SFT, {
        "lora.enabled": True, "lora.r": 32, "lora.lora_alpha": 16, "data.max_length": 2048,
        "lora.target_modules": ["q_proj", "v_proj"], "train.learning_rate": 1e-4,
        "train.total_batch_size": 64, "train.per_device_train_batch_size": 4,
        "train.num_train_epochs": 2, "train.max_steps": -1, "quant.load_in_4bit": False,
    }),
    ("verl", VERL, {
        "lora.enabled": True, "lora.r": 64, "lora.lora_alpha": 32, "train.method": "grpo",
        "lora.target_modules": "all-linear", "train.learning_rate": 3e-6,
        "train.num_generations": UNKNOWN,
    }),
    ("open-instruct", OPEN_INSTRUCT, {
        "lora.enabled": True, "lora.r": 32, "lora.lora_alpha": 16, "lora.lora_dropout": 0.1,
        "quant.load_in_4bit": True, "quant.bnb_4bit_quant_type": "nf4", "train.method": "sft",
        "train.learning_rate": 1e-4, "train.num_train_epochs": 2,
    }),
    ("llm-foundry", FOUNDRY, {
        "lora.enabled": True, "lora.r": 64, "lora.lora_alpha": 128, "lora.lora_dropout": 0.0,
        "lora.target_modules": ["Wqkv"], "train.num_train_epochs": 2, "train.enabled": True,
        "train.per_device_train_batch_size": UNKNOWN, "train.optim": UNKNOWN,
    }),
    ("chatglm-finetune", CHATGLM, {
        "lora.enabled": True, "lora.r": 8, "lora.lora_alpha": 32, "lora.lora_dropout": 0.0,
        "train.learning_rate": 5e-5, "train.max_steps": 3000, "run.output_dir": "out",
        "train.per_device_train_batch_size": 8,
    }),
    ("h2o-llmstudio", H2O, {
        "lora.enabled": True, "lora.r": 8, "lora.lora_alpha": 16, "train.num_train_epochs": 2,
        "lora.target_modules": ["q_proj", "v_proj"], "quant.load_in_8bit": True,
        "quant.load_in_4bit": False, "train.learning_rate": 1e-4,
    }),
]  # fmt: skip


def read(text: str, fields: Fields, path: str = "config.yaml") -> tuple[str, Fields]:
    """Return the format's name and the values of the asked fields."""
    found = recipe(text, path)
    return found.framework, {field: found[field].value for field in fields}


@pytest.mark.parametrize(("name", "text", "fields"), CASES, ids=[case[0] for case in CASES])
def test_values(name: str, text: str, fields: Fields) -> None:
    assert read(text, fields) == (name, fields)


def test_prime_rl() -> None:
    fields: Fields = {
        "lora.enabled": True, "lora.r": 8, "lora.lora_alpha": 32.0, "train.learning_rate": 1e-4,
        "lora.target_modules": UNKNOWN, "train.max_steps": 20, "train.method": "sft",
    }  # fmt: skip
    assert read(PRIME, fields, "sft.toml") == ("prime-rl", fields)


def test_fms_in_json() -> None:
    fields: Fields = {
        "lora.enabled": True, "lora.r": 16, "lora.lora_alpha": 32, "lora.lora_dropout": 0.05,
        "lora.target_modules": "all-linear", "train.learning_rate": 1e-4, "model.dtype": "float16",
        "train.optim": "adamw_torch",
    }  # fmt: skip
    assert read(FMS, fields, "config.json") == ("fms-hf-tuning", fields)


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        (LUDWIG, "adapter: {type: lora, r: 16, dropout: 0.1}", "adapter: {type: ia3}"),
        (AUTOMODEL, "peft: {", "other: {"),
        (NEMO, "peft_scheme: lora", "peft_scheme: ptuning"),
        (OUMI, "use_peft: true, ", ""),
        (VERL_SFT, "lora_rank: 32", "lora_rank: 0"),
        (OPEN_INSTRUCT, "use_lora: true", "use_lora: false"),
        (CHATGLM, "peft_type: LORA", "peft_type: PREFIX_TUNING"),
        (H2O, "training: {", "training: {lora: false, "),
    ],
)
def test_the_switch_of_each_format(text: str, before: str, after: str) -> None:
    assert before in text
    assert recipe(text.replace(before, after))["lora.enabled"].value is False


def test_a_wildcard_of_automodel_is_not_a_pattern_of_peft() -> None:
    text = AUTOMODEL.replace("target_modules: q_proj", "target_modules: '*_proj'")
    assert recipe(text)["lora.target_modules"].value is UNKNOWN


def test_ludwig_without_a_trainer_trains_nothing() -> None:
    text = "".join(line for line in LUDWIG.splitlines(True) if not line.startswith("trainer"))
    assert recipe(text)["train.enabled"].value is False


def test_a_short_adapter_of_ludwig() -> None:
    text = LUDWIG.replace("{type: lora, r: 16, dropout: 0.1}", "lora")
    found = recipe(text)
    assert found["lora.enabled"].value is True
    assert (found["lora.r"].value, found["lora.lora_alpha"].value) == (8, 16)


SHELL: list[tuple[str, str, Fields]] = [
    ("openrlhf",
     ("deepspeed --module openrlhf.cli.train_sft --model.model_name_or_path org/base \\\n"
     " --ds.lora.rank 64 --ds.lora.alpha 32 --adam.lr 1e-4 --ds.load_in_4bit"),
     {"lora.enabled": True, "lora.r": 64, "lora.lora_alpha": 32, "train.learning_rate": 1e-4,
      "lora.target_modules": "all-linear", "quant.load_in_4bit": True,
      "quant.bnb_4bit_quant_type": "nf4", "train.method": "sft"}),
    ("openrlhf",
     ("read -r -d '' training_commands <<EOF\nopenrlhf.cli.train_dpo \\\n   --lora_rank 8 \\\n"
     "   --target_modules q_proj v_proj \\\n   --learning_rate 5e-7 \\\n   --micro_train_batch_size"
     " 1\nEOF\ndeepspeed --module $training_commands\n"),
     {"lora.enabled": True, "lora.r": 8, "lora.lora_alpha": 16, "train.learning_rate": 5e-7,
      "lora.target_modules": ["q_proj", "v_proj"], "train.per_device_train_batch_size": 1,
      "train.method": "dpo"}),
    ("openrlhf",
     ("ray job submit --address http://h:1 -- python3 -m openrlhf.cli.train_ppo_ray \\\n"
     " --ds.lora.rank 16 --ds.lora.target_modules all-linear"),
     {"lora.r": 16, "lora.target_modules": ["all-linear"], "train.method": UNKNOWN}),
    ("verl",
     ("python3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo \\\n"
     " actor_rollout_ref.model.path=org/base +actor_rollout_ref.model.lora_rank=32 \\\n"
     " actor_rollout_ref.model.lora_alpha=64 actor_rollout_ref.actor.optim.lr=3e-5 $@"),
     {"lora.enabled": True, "lora.r": 32, "lora.lora_alpha": 64, "train.learning_rate": 3e-5,
      "model.name_or_path": "org/base", "train.method": "grpo"}),
    ("verl-sft",
     ("N=4\ntorchrun --standalone --nnodes=1 --nproc_per_node=$N -m verl.trainer.fsdp_sft_trainer"
     " model.partial_pretrain=org/base model.lora_rank=8 optim.lr=1e-4 trainer.total_epochs=1"),
     {"lora.enabled": True, "lora.r": 8, "lora.lora_alpha": 16, "train.learning_rate": 1e-4,
      "run.num_processes": 4, "train.num_train_epochs": 1}),
    ("open-instruct",
     ("accelerate launch --num_processes 8 open_instruct/finetune.py --use_lora --use_qlora \\\n"
     " --lora_rank 64 --lora_alpha 16 --use_slow_tokenizer --learning_rate 1e-4"),
     {"lora.enabled": True, "lora.r": 64, "quant.load_in_4bit": True,
      "train.learning_rate": 1e-4, "run.num_processes": 8}),
    ("fms-hf-tuning",
     ("python tuning/sft_trainer.py --model_name_or_path org/base --training_data_path d.json"
     " --peft_method lora --r 8 --target_modules q_proj v_proj --learning_rate 1e-5"),
     {"lora.enabled": True, "lora.r": 8, "lora.lora_alpha": 32, "lora.lora_dropout": 0.05,
      "lora.target_modules": ["q_proj", "v_proj"], "train.learning_rate": 1e-5}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "fields"), SHELL)
def test_values_on_a_command_line(name: str, text: str, fields: Fields) -> None:
    assert read(text, fields, "run.sh") == (name, fields)


def test_kohya_keys_are_known_in_every_section() -> None:
    """The loader flattens sections; a far key may be a program's around it, a slip is not."""
    text = (
        "[sample_prompt]\nnetwork_module = 'networks.lora'\nnetwork_dims = 16\n"
        "[mine]\nmy_own_thing = 1\nlearning_rate = 1e-4\n"
    )
    found = recipe(text, "c.toml")
    assert [(k.path, k.meant) for k in config_keys.misspelt_keys(found)] == [
        ("sample_prompt.network_dims", "network_dim")
    ]
    assert config_keys.unknown_keys(found, Targets()) == ()
    window = recipe('{"LoRA_type": "Standard", "network_dims": 8}', "c.json")
    assert config_keys.strange_keys(window) == ()


def test_open_instruct_without_lora_is_no_recipe_of_trl() -> None:
    """Its configs for full training share ``dataset_mixer`` with TRL's recipes."""
    text = "model_name_or_path: m\ndataset_mixer: {d: 1.0}\nwith_tracking: true\nadd_bos: true\n"
    found = recipe(text, "sft.yaml")
    assert (found.framework, found["lora.enabled"].value) == ("open-instruct", False)


def test_an_adapter_that_verl_loads_brings_its_own_rank() -> None:
    text = VERL.replace("lora_rank: 64, lora_alpha: 32", "lora_adapter_path: saved/adapter")
    found = recipe(text)
    assert (found["lora.enabled"].value, found["lora.r"].value) == (True, UNKNOWN)


def test_oumi_joins_the_patterns_it_excludes() -> None:
    found = recipe(
        OUMI.replace("lora_r: 16", "lora_exclude_modules: ['.*tower.*', '.*proj'], lora_r: 16")
    )
    assert found["lora.exclude_modules"].value == "(.*tower.*)|(.*proj)"


def test_oumi_stretches_positions() -> None:
    scaled = OUMI.replace(
        "model_max_length", "model_kwargs: {rope_scaling: {type: yarn}}, model_max_length"
    )
    assert recipe(scaled)["data.max_length"].value is UNKNOWN
    assert recipe(OUMI)["data.max_length"].value == 4096
