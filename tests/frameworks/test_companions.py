from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.companions import launched, link, named_paths
from lora_advisor.recipe import UNKNOWN
from tests.frameworks.reading import recipe, spanned

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

TRAIN = "model_name_or_path: a/b\nuse_peft: true\n"
ZERO3 = """{
  "zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}},
  "gradient_accumulation_steps": "auto",
  "train_micro_batch_size_per_gpu": 2,
  "bf16": {"enabled": true},
  "fp16": {"enabled": "auto"}
}"""
FSDP = """\
compute_environment: LOCAL_MACHINE
distributed_type: FSDP
fsdp_config:
  fsdp_version: 2
  offload_params: true
deepspeed_config: {zero_stage: 3}
mixed_precision: bf16
num_machines: 2
num_processes: "16"
"""


def test_deepspeed() -> None:
    found = recipe(ZERO3, "ds.json")
    assert found.framework == "deepspeed"
    assert found["run.zero_stage"].value == 3
    assert found["run.offload"].value is True
    assert found["run.micro_batch"].value == 2
    assert found["run.mixed_precision"].value == "bf16"
    assert found["run.mixed_precision"].key == "bf16.enabled"


def test_auto_states_nothing() -> None:
    value = recipe(ZERO3, "ds.json")["run.accumulation"]
    assert value.value is UNKNOWN
    assert "training config" in value.why


@pytest.mark.parametrize(
    ("zero", "stage", "offload"),
    [
        ('{"stage": 2}', 2, False),
        ("{}", 0, False),
        ('{"stage": "auto"}', UNKNOWN, False),
        ('{"stage": 3, "offload_param": {"device": "none"}}', 3, False),
        ('{"stage": 3, "offload_param": {"device": "auto"}}', 3, UNKNOWN),
        ('{"stage": 3, "offload_optimizer": {"device": "cpu"}}', 3, False),
    ],
)
def test_zero(zero: str, stage: object, offload: object) -> None:
    found = recipe(f'{{"zero_optimization": {zero}}}', "ds.json")
    assert found["run.zero_stage"].value == stage
    assert found["run.offload"].value == offload


def test_accelerate_with_fsdp() -> None:
    found = recipe(FSDP)
    assert found.framework == "accelerate"
    assert found["run.fsdp"].value is True
    assert found["run.fsdp_version"].value == 2
    assert found["run.offload"].value is True
    assert found["run.num_processes"].value == 16
    assert found["run.num_machines"].value == 2
    assert found["run.mixed_precision"].value == "bf16"
    assert found["run.zero_stage"].value is UNKNOWN


@pytest.mark.parametrize(
    ("block", "stage", "offload"),
    [
        ("{zero_stage: 3, offload_param_device: cpu}", 3, True),
        ("{zero_stage: 2, offload_param_device: none}", 2, False),
        ("{gradient_accumulation_steps: 4}", 2, UNKNOWN),
        ("{deepspeed_config_file: ds.json}", UNKNOWN, UNKNOWN),
    ],
)
def test_accelerate_with_deepspeed(block: str, stage: object, offload: object) -> None:
    found = recipe(
        f"compute_environment: X\ndistributed_type: DEEPSPEED\ndeepspeed_config: {block}\n"
    )
    assert found["run.zero_stage"].value == stage
    assert found["run.offload"].value == offload
    assert found["run.fsdp"].value is False


def test_blocks_that_do_not_count_are_not_read() -> None:
    text = FSDP.replace("distributed_type: FSDP", "distributed_type: MULTI_GPU")
    found = recipe(text)
    for field in ("run.fsdp_version", "run.fsdp_config", "run.offload", "run.zero_stage"):
        assert found[field].value is UNKNOWN, field


def test_fsdp_is_version_1_unless_said() -> None:
    found = recipe("compute_environment: X\ndistributed_type: FSDP\nfsdp_config: {}\n")
    assert found["run.fsdp_version"].value == 1


def joined(train: Recipe, *companions: Recipe) -> Recipe:
    return link([*companions, train])[-1]


def test_a_named_deepspeed_file_joins_its_config() -> None:
    train = recipe(f"{TRAIN}deepspeed: ./configs/ds.json\n", "project/train.yaml")
    other = recipe(ZERO3, "project/configs/ds.json")
    assert named_paths(train) == ["./configs/ds.json"]
    found = joined(train, other)
    assert found["run.zero_stage"].value == 3
    assert found["run.zero_stage"].key_at is not None
    assert found["run.zero_stage"].key_at.document.path == "project/configs/ds.json"
    assert spanned(found["run.zero_stage"].value_at) == "3"
    assert found["run.deepspeed"].value == "./configs/ds.json"


def test_a_deepspeed_file_nobody_names_joins_nothing() -> None:
    found = joined(recipe(TRAIN, "train.yaml"), recipe(ZERO3, "ds.json"))
    assert found["run.zero_stage"].value is UNKNOWN


def test_the_nearest_of_several_files_of_that_name_is_meant() -> None:
    train = recipe(f"{TRAIN}deepspeed: ds.json\n", "a/train.yaml")
    near = recipe(ZERO3, "a/ds.json")
    far = recipe('{"zero_optimization": {"stage": 1}}', "b/ds.json")
    assert joined(train, far, near)["run.zero_stage"].value == 3
    twin = recipe('{"zero_optimization": {"stage": 1}}', "c/ds.json")
    assert joined(train, far, twin)["run.zero_stage"].value is UNKNOWN


def test_an_accelerate_file_joins_the_configs_of_its_folder() -> None:
    train = recipe(TRAIN, "a/train.yaml")
    assert joined(train, recipe(FSDP, "a/accelerate.yaml"))["run.num_processes"].value == 16
    assert joined(train, recipe(FSDP, "b/accelerate.yaml"))["run.num_processes"].value is UNKNOWN
    two = (recipe(FSDP, "a/one.yaml"), recipe(FSDP, "a/two.yaml"))
    assert joined(train, *two)["run.num_processes"].value is UNKNOWN


def test_an_accelerate_file_below_the_only_config_is_for_it() -> None:
    train = recipe(TRAIN, "a/train.yaml")
    below = recipe(FSDP, "a/accelerate/fsdp.yaml")
    assert joined(train, below)["run.num_processes"].value == 16
    other = recipe(FSDP, "a/accelerate/ddp.yaml")
    assert joined(train, below, other)["run.num_processes"].value is UNKNOWN
    second = recipe(TRAIN, "a/second.yaml")
    assert joined(train, below, second)["run.num_processes"].value is UNKNOWN


def test_an_accelerate_file_beside_several_configs_is_for_nobody_knows_which() -> None:
    train, other = recipe(TRAIN, "a/lora.yaml"), recipe(TRAIN, "a/full.yaml")
    script = recipe("SFTConfig()", "a/train.py")
    launch = recipe(FSDP, "a/accelerate.yaml")
    assert joined(train, launch, script)["run.num_processes"].value == 16
    assert joined(train, launch, other)["run.num_processes"].value is UNKNOWN
    command = recipe("accelerate launch --config_file a/accelerate.yaml a.py --lora_r 8", "run.sh")
    assert joined(command, launch, train, other)["run.num_processes"].value == 16


@pytest.mark.parametrize(
    ("command", "started"), [("torchrun --nproc_per_node 8 train.py", "a"), ("b/train.py", "b")]
)
def test_a_launch_means_the_nearest_script_of_that_name(command: str, started: str) -> None:
    prefix = "" if command.startswith("torchrun") else "torchrun --nproc_per_node 8 "
    scripts = {name: recipe("SFTConfig()", f"{name}/train.py") for name in "ab"}
    linked = link([*scripts.values(), recipe(prefix + command, "a/run.sh")])
    found = {
        one.document.path[0]: one["run.num_processes"].value
        for one in linked
        if one.document.format == "python"
    }
    assert found == {name: 8 if name == started else UNKNOWN for name in "ab"}


def test_a_deepspeed_file_named_by_the_accelerate_file() -> None:
    launch = recipe(
        "compute_environment: X\ndistributed_type: DEEPSPEED\nnum_processes: 4\n"
        "deepspeed_config: {deepspeed_config_file: ds.json}\n",
        "a/accelerate.yaml",
    )
    found = joined(recipe(TRAIN, "a/train.yaml"), launch, recipe(ZERO3, "a/ds.json"))
    assert found["run.zero_stage"].value == 3
    assert found["run.num_processes"].value == 4


def test_what_the_config_writes_itself_stays() -> None:
    train = recipe(f"{TRAIN}fsdp: full_shard\n", "a/train.yaml")
    launch = recipe(FSDP.replace("FSDP", "MULTI_GPU"), "a/accelerate.yaml")
    assert joined(train, launch)["run.fsdp"].value is True


def test_companions_say_so() -> None:
    flags = {name: by_name(name) for name in ("deepspeed", "accelerate", "trl", "peft")}
    assert {name for name, found in flags.items() if found and found.companion} == {
        "deepspeed",
        "accelerate",
    }


@pytest.mark.parametrize(
    ("launcher", "processes"),
    [("accelerate launch", 16), ("python", UNKNOWN), ("torchrun", UNKNOWN)],
)
def test_an_accelerate_file_counts_for_a_command_that_accelerate_launches(
    launcher: str, processes: object
) -> None:
    command = f"{launcher} train.py --model_name_or_path a/b --finetuning_type lora --stage sft\n"
    found = link([recipe(command, "run.sh"), recipe(FSDP, "accelerate.yaml")])[0]
    assert found["run.num_processes"].value == processes


def test_an_accelerate_file_counts_wherever_a_command_names_it() -> None:
    command = (
        "accelerate launch --config_file configs/fsdp.yaml train.py --use_lora True --lora_r 8"
    )
    linked = link([recipe(command, "run.sh"), recipe(FSDP, "configs/fsdp.yaml")])
    assert linked[0]["run.num_processes"].value == 16


SERVE = "vllm serve a/b --enable-lora --lora-modules mine="


@pytest.mark.parametrize(
    ("path", "training", "server"),
    [
        ("out/adapter", "output_dir: runs/adapter\n", "vllm"),
        ("runs/adapter/checkpoint-100", "output_dir: runs/adapter\n", "vllm"),
        ("elsewhere", "", "vllm"),
        ("elsewhere", "output_dir: runs/adapter\n", UNKNOWN),
    ],
)
def test_a_server_joins_the_training_of_its_adapter(
    path: str, training: str, server: object
) -> None:
    found = [recipe(TRAIN + training, "sft.yaml"), recipe(SERVE + path, "serve.sh")]
    assert link(found)[0]["run.server"].value == server


def test_a_server_joins_none_of_several_trainings_it_does_not_name() -> None:
    trainings = [recipe(f"{TRAIN}output_dir: {name}\n", f"{name}.yaml") for name in ("one", "two")]
    linked = link([*trainings, recipe(SERVE + "three", "serve.sh")])
    assert [found["run.server"].value for found in linked[:2]] == [UNKNOWN, UNKNOWN]


def test_ms_swift_serves_with_vllm_unless_it_merges() -> None:
    command = "swift infer --adapters out/v0 --infer_backend vllm"
    assert recipe(command, "serve.sh")["run.serve_max_rank"].value == 16
    assert recipe(f"{command} --merge_lora true", "serve.sh")["run.server"].value is None
    served = link([recipe(f"{TRAIN}output_dir: out/v0\n", "sft.yaml"), recipe(command, "serve.sh")])
    assert served[0]["run.serve_max_rank"].value == 16


def test_llamafactory_starts_a_process_for_each_gpu_it_sees() -> None:
    command = "CUDA_VISIBLE_DEVICES=0,1,3 llamafactory-cli train sft.yaml"
    assert recipe(command, "run.sh")["run.num_processes"].value == 3


def test_the_bits_of_a_flag_are_those_the_base_is_loaded_in() -> None:
    found = recipe("deepspeed train.py --lora_enable True --bits 4", "run.sh")
    assert found["quant.load_in_4bit"].value is True
    assert found["quant.load_in_8bit"].value is False


def test_processes_that_are_told_leave_a_plain_start_with_named_gpus_alone() -> None:
    script = "from trl import SFTConfig\nSFTConfig()\n"
    plain = recipe(f"# CUDA_VISIBLE_DEVICES=0 python train.py\n{script}", "train.py")
    assert launched(plain, 8)["run.num_processes"].value is UNKNOWN
    assert launched(recipe(script, "train.py"), 8)["run.num_processes"].value == 8
