"""Shell scripts: flags and values of each command, with the places where they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor.source.scalars import UNKNOWN_TAG, plain_value
from lora_advisor.source.shell import parse_shell
from lora_advisor.source.tree import Mapping


def commands(text: str) -> list[object]:
    """Return every command as plain data; ``?`` stands for unknown."""
    roots = parse_shell(text, "run.sh").roots
    return [plain_value(r, lambda s: "?" if s.tag == UNKNOWN_TAG else s.text) for r in roots]


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("train --lora_r 8", {"lora_r": "8"}),
        ("train --lora-r=8", {"lora_r": "8"}),
        ("train \\\n  --lora_r 8 \\\n  --bf16", {"lora_r": "8", "bf16": "true"}),
        ("train --targets q_proj v_proj", {"targets": ["q_proj", "v_proj"]}),
        ("R=8\ntrain --lora_r $R", {"lora_r": "8"}),
        ('R=8\ntrain --lora_r "${R}"', {"lora_r": "8"}),
        ("train --lora_r ${R:-8}", {"lora_r": "8"}),
        ("train --lora_r ${R}", {"lora_r": "?"}),
        ("train --lora_r $(rank)", {"lora_r": "?"}),
        ("R=8\nR=9\ntrain --lora_r $R", {"lora_r": "9"}),
        ("if x; then\n  R=8\nelse\n  R=9\nfi\ntrain --lora_r $R", {"lora_r": "?"}),
        ("R=8\nif x; then R=9; fi\ntrain --lora_r $R", {"lora_r": "?"}),
        ("for R in 8 9; do\ntrain --lora_r $R\ndone", {"lora_r": "?"}),
        ("A='--lora_r 8 --bf16'\ntrain $A", {"lora_r": "8", "bf16": "true"}),
        ('A="--lora_r 8 \\\n --bf16"\ntrain $A', {"lora_r": "8", "bf16": "true"}),
        ("A=(\n  --lora_r 8 # rank\n  --bf16\n)\ntrain ${A[@]}", {"lora_r": "8", "bf16": "true"}),
        ('A=(--lora_r 8)\nA+=(--bf16)\ntrain "${A[@]}"', {"lora_r": "8", "bf16": "true"}),
        ("train --lora_r 8 # --lora_r 9", {"lora_r": "8"}),
        ("train --lora_r 8 > log.txt 2>&1", {"lora_r": "8"}),
        ("train --name 'a b' --lora_r 8", {"name": "a b", "lora_r": "8"}),
        ("train lr=1e-4", {"lr": "1e-4"}),
        ('train lr=1e-4 "$@"', {"lr": "1e-4"}),
        ("train --lora_r 8 $EXTRA --bf16", {"lora_r": "8", "bf16": "true"}),
        ("train --lora_r $EXTRA", {"lora_r": "?"}),
        ("train --modules my=./a", {"modules": "my=./a"}),
        ("train ^\n  --lora_r 8 ^\r\n  --bf16", {"lora_r": "8", "bf16": "true"}),
        ("train `\n  --lora_r 8 `\n  --bf16", {"lora_r": "8", "bf16": "true"}),
    ],
)
def test_flags(text: str, flags: dict[str, object]) -> None:
    assert commands(text)[-1] == {"$": ["train"], **flags}


def test_a_launcher_s_flags_end_at_the_script() -> None:
    found = commands("accelerate launch --num_processes 2 --config_file a.yaml train.py --lr 1e-4")
    assert found == [
        {
            "$": ["accelerate", "launch"],
            "num_processes": "2",
            "config_file": "a.yaml",
            "$script": "train.py",
            "lr": "1e-4",
        }
    ]


def test_a_module_that_a_launcher_starts() -> None:
    (found,) = commands("torchrun --nproc_per_node 2 -m a.train --lora_r 8")
    assert found == {
        "$": ["torchrun"], "nproc_per_node": "2", "m": "true", "$script": "a.train", "lora_r": "8"
    }  # fmt: skip


@pytest.mark.parametrize("command", ["swift", "/opt/bin/swift", "$(which swift)"])
@pytest.mark.parametrize("flags", ["", "--nnodes=1 ", "--master_port 29500 "])
def test_a_trainers_own_command_that_a_launcher_starts(command: str, flags: str) -> None:
    (found,) = commands(f"torchrun {flags}{command} sft --lora_rank 8")
    assert isinstance(found, dict)
    assert found["$"] == ["torchrun"]
    assert found["$script"][1:] == ["sft"]
    assert found["lora_rank"] == "8"


def test_settings_that_a_flag_hands_on_are_its_values() -> None:
    (found,) = commands("train --optimizer_args eps=1e-8 foreach=False --seed 1 lora_r=8")
    assert found == {
        "$": ["train"], "optimizer_args": ["eps=1e-8", "foreach=False"], "seed": "1", "lora_r": "8"
    }  # fmt: skip


def test_adapters_of_a_server_are_no_settings() -> None:
    (found,) = commands("vllm --lora-modules sql=a chat=b --port 80")
    assert found == {"$": ["vllm"], "lora_modules": ["sql=a", "chat=b"], "port": "80"}


def test_a_command_that_is_read_into_a_variable() -> None:
    found = commands("read -r -d '' C <<EOF\na.train --lora_r 8\nEOF\nrun $C")
    assert {"$": ["a.train"], "lora_r": "8"} in found


def test_a_launcher_starts_what_was_read_into_a_variable() -> None:
    text = "read -r -d '' JOB <<EOF\nmy.train --lora_r 8\nEOF\ntorchrun --nnodes 1 -m $JOB\n"
    found = {"$": ["torchrun"], "nnodes": "1", "m": "true", "$script": "my.train", "lora_r": "8"}
    assert commands(text) == [found]


def test_the_place_of_a_flag_in_an_array_is_its_own() -> None:
    text = "A=(\n  --lora_r 8\n)\ntrain ${A[@]}"
    root = parse_shell(text, "run.sh").roots[0]
    assert isinstance(root, Mapping)
    span = root.entries[1].value.span
    assert text[span.start : span.end] == "8"
    assert text[: span.start].count("\n") == 1


def test_here_documents_are_no_commands() -> None:
    found = commands("cat <<EOF\ntrain --lora_r 9\nEOF\ntrain --lora_r 8")
    assert found == [{"$": ["cat"]}, {"$": ["train"], "lora_r": "8"}]


@given(st.text(alphabet="abc-= $\"'\\\n#{}()<>|&;`é:EOF", max_size=80))
def test_any_text_is_read_with_spans_inside(text: str) -> None:
    for root in parse_shell(text, "run.sh").roots:
        assert isinstance(root, Mapping)
        for entry in root.entries:
            assert 0 <= entry.key.span.start <= entry.key.span.end <= len(text)
            assert 0 <= entry.value.span.start <= entry.value.span.end <= len(text)
