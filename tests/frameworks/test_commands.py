"""People's shell files: what their commands say, and what they leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.frameworks.rows import recipes

if TYPE_CHECKING:
    from tests.frameworks.rows import Row, Wanted

SHELL: dict[str, Row] = {
    "a script that uses an adapter": (
        "python src/cli_demo.py --lora_rank 8\npython train_and_eval.py --lora_rank 8\n",
        [{"r": 8, "trains": "?"}, {"r": 8, "trains": True}],
    ),
    "a switch that is turned off": (
        "trl sft --model_name_or_path org/a --use_peft --no-gradient-checkpointing\n",
        [{"on": True, "checkpointing": False}],
    ),
    "a script's flags": (
        "python a.py --model_name_or_path org/a --lora_r 8 --lora_alpha 16 --learning_rate 1e-4",
        [{"model": "org/a", "r": 8, "alpha": 16, "lr": 1e-4}],
    ),
    "continued lines and variables": (
        ("LR=2e-4\nexport R=${RANK:-16}\ntorchrun --nproc_per_node=4 train.py \\\n"
        "  --lora_r ${R} \\\n  --learning_rate $LR\n"),
        [{"r": 16, "lr": 2e-4, "processes": 4}],
    ),
    "an array of options": (
        'OPTS=(\n  --lora_r 8   # small\n  --lora_alpha 16\n)\npython train.py "${OPTS[@]}"\n',
        [{"r": 8, "alpha": 16}],
    ),
    "options in a text": (
        'OPTS="--lora_r 8 \\\n --lora_alpha 16"\npython train.py $OPTS\n', [{"r": 8, "alpha": 16}]
    ),
    "a command in a text": (
        ("R=8\nmodel='--model_name_or_path org/a'\nlora=\"--lora_r $R \\\n--lora_alpha 16 "
        "--prompt '<a> <b>'\"\ncmd=\"torchrun --nproc_per_node 4 -m pkg.train $model \\\n$lora\"\n"
        "echo $cmd\neval $cmd\n"),
        [{"model": "org/a", "r": 8, "alpha": 16, "processes": 4}],
    ),
    "a command in quotes": (
        'cmd="python a.py --lora_r 8 --lora_alpha 16"\neval "$cmd"\n', [{"r": 8, "alpha": 16}]
    ),
    "a command that is evaluated": (
        'eval "python a.py --lora_r 8 --lora_alpha $(expr 2 \\* 8)"\n', [{"r": 8, "alpha": "?"}]
    ),
    "ms-swift's main module": (
        "$PY -m swift.cli.main rlhf --rlhf_type grpo --model org/a --lora_rank 8\n",
        [{"model": "org/a", "r": 8}],
    ),
    "a loop over rates": (
        "for lr in 1e-4 2e-4; do\n  python train.py --lora_r 8 --learning_rate $lr\ndone\n",
        [{"r": 8, "lr": "?"}],
    ),
    "two runs with another rank": (
        "R=8\npython train.py --lora_r $R\nR=16\npython train.py --lora_r $R\n",
        [{"r": 8}, {"r": 16}],
    ),
    "a choice": (
        'if [ -n "$BIG" ]; then\n  R=64\nelse\n  R=8\nfi\npython train.py --lora_r $R\n',
        [{"r": "?"}],
    ),
    "a list of targets": (
        "python train.py --lora_r 8 --lora_target_modules q_proj v_proj --bf16\n",
        [{"targets": ["q_proj", "v_proj"], "bf16": True}],
    ),
    "arguments passed on": ('python train.py --lora_r 8 --lora_alpha 16 "$@"\n', [{"alpha": 16}]),
    "a launcher that is a module": (
        "python -m torch.distributed.launch --nproc_per_node 2 train.py --lora_r 8\n",
        [{"r": 8, "processes": 2}],
    ),
    "accelerate": (
        "accelerate launch --num_processes 8 --config_file a.yaml train.py --use_lora --lora_r 8\n",
        [{"r": 8, "processes": 8}],
    ),
    "trl": (
        "trl sft --model_name_or_path org/a --use_peft --lora_r 8 --learning_rate 2e-4\n",
        [{"on": True, "r": 8, "lr": 2e-4}],
    ),
    "trl's own command": (
        "trl grpo --model_name_or_path a --use_peft\ntrl dpo --use_peft --lora_r 8\n",
        [{"method": "grpo", "on": True}, {"method": "dpo", "r": 8}],
    ),
    "MLX VLM's newer command": (
        "python -m mlx_vlm.train --model a --train-type dora --lora-rank 4\n",
        [{"on": True, "r": 4, "alpha": 16.0, "lr": 1e-5}],
    ),
    "MLX VLM's command beside a file": (
        "mlx_vlm.train -c a.yaml --lora-rank 4\n", [{"r": 4, "alpha": "?"}]
    ),
    "LLaMA-Factory": (
        ("llamafactory-cli train --stage sft --do_train --model_name_or_path org/a \\\n"
        "  --finetuning_type lora --lora_rank 16 --lora_target q_proj,v_proj\n"),
        [{"on": True, "r": 16, "alpha": 32, "targets": ["q_proj", "v_proj"]}],
    ),
    "Megatron's flags": (
        "megatron sft --model org/a --tuner_type lora --lora_rank 8 --micro_batch_size 1\n",
        [{"model": "org/a", "r": 8, "batch": 1, "lr": "?"}],
    ),
    "InternVL": (
        "torchrun --nproc_per_node=8 x/internvl_chat_finetune.py --use_llm_lora 16\n",
        [{"r": 16, "processes": 8}],
    ),
    "flags over a config file": (
        "trl dpo --config c.yaml --learning_rate 1e-6\nllamafactory-cli train c.yaml lora_rank=4\n",
        [{"lr": 1e-6, "r": "?", "on": "?"}, {"r": 4, "alpha": "?", "lr": "?"}],
    ),
    "commands that leave all to a file, or train nothing": (
        ("llamafactory-cli train c.yaml\ntrl sft --config c.yaml\n"
        "llamafactory-cli chat --model_name_or_path a --finetuning_type lora\n"), [],
    ),
    "help, and commands of TRL that train nothing": (
        "llamafactory-cli train -h\ntrl sft --help\ntrl vllm-serve --model org/a\n", [],
    ),
    "dots in the place of further flags": (
        "swift sft --model org/a --tuner_type lora --lora_rank 4 --deepspeed zero2 \\\n  ...\n",
        [{"model": "org/a", "r": 4, "alpha": "?", "lr": "?"}],
    ),
    "a config file only": ("accelerate launch train.py --config c.yaml\n", []),
    "no training": ("pip install peft\npython merge.py --lora_path out\n", []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), SHELL.values(), ids=SHELL.keys())
def test_shell(text: str, wanted: Wanted) -> None:
    assert recipes(text, "run.sh", wanted) == wanted
