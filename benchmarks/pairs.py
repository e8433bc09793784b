"""Draws random pairs of a base model and a LoRA config, likely and unlikely ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from lora_advisor.models.table import ModuleTable

SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
WRITTEN: list[Any] = [
    SEVEN, SEVEN[:4], ["q_proj", "v_proj"], "all-linear", None, ["q", "v"], ["c_attn"],
    ["query", "value"], ["query", "key", "value", "dense"], ["q_lin", "v_lin"], ["lm_head"],
    ["q", "k", "v", "o", "wi_0", "wi_1", "wo"], ["c_attn", "c_proj", "c_fc"], ["w1", "w2", "w3"],
    ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"], ["Wqkv", "out_proj"],
    ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"], ["in_proj", "x_proj", "out_proj"],
    ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"], ["qkv", "proj"], SEVEN[4:],
    [*SEVEN, "embed_tokens", "lm_head"], ["self_attn.q_proj", "mlp.down_proj"],
    ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"],
    r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)",
    r"^(?!.*visual).*(?:q_proj|k_proj|v_proj|o_proj).*", r".*\.self_attn\.(q|k|v|o)_proj$",
    r"model.language_model.layers.[\d]+.(mlp|cross_attn|self_attn).(up|down|gate|q|k|v|o)_proj",
    r".*decoder.*(SelfAttention|EncDecAttention).*(q|v)$", r".*\.mlp\.(?!.*experts).*_proj",
]  # fmt: skip
"""Targets as scripts, examples and guides write them, whatever the model."""
TASKS = {
    "AutoModelForCausalLM": "CAUSAL_LM",
    "AutoModelForImageTextToText": "CAUSAL_LM",
    "AutoModelForSeq2SeqLM": "SEQ_2_SEQ_LM",
    "AutoModelForSpeechSeq2Seq": "SEQ_2_SEQ_LM",
    "AutoModelForSequenceClassification": "SEQ_CLS",
    "AutoModelForTokenClassification": "TOKEN_CLS",
    "AutoModelForQuestionAnswering": "QUESTION_ANS",
    "AutoModel": "FEATURE_EXTRACTION",
}


def lora(table: ModuleTable, rng: random.Random, *, written: bool = False) -> dict[str, Any]:
    """Draw a LoRA config that has to do with a model; ``written`` takes targets people write."""
    config: dict[str, Any] = {
        "r": rng.choice([1, 2, 4, 8, 16, 64]),
        "lora_alpha": rng.choice([8, 16, 7]),
    }
    config["target_modules"] = rng.choice(WRITTEN) if written else targets(table, rng)
    if rng.random() < 0.7:
        config["task_type"] = TASKS.get(table.auto_class)
    if rng.random() < 0.05:
        config["task_type"] = rng.choice(sorted(set(TASKS.values())))
    for draw in rng.sample(EXTRAS, rng.choice([0, 1, 1, 2, 3])):
        config |= draw(table, rng, config)
    return {key: value for key, value in config.items() if value is not None}


def leaves(table: ModuleTable) -> list[str]:
    """Return the last names of all modules, those of layers more often."""
    names = [m.leaf for m in table.modules if m.kind and not m.leaf.isdecimal()]
    return names or [m.leaf for m in table.modules if m.name]


def targets(table: ModuleTable, rng: random.Random) -> Any:
    """Draw targets: names, the usual seven, all-linear, a pattern, full names, nothing."""
    names = leaves(table)
    some = sorted(set(rng.choices(names, k=rng.choice([1, 2, 4]))))
    full = [m.name for m in rng.sample(list(table.modules), min(2, len(table.modules))) if m.name]
    parts = rng.choice(list(table.modules)).name.split(".")
    dotted = [".".join(parts[-rng.choice([2, 3]) :])] if len(parts) > 1 else some
    pattern = rng.choice([
        rf".*\.({'|'.join(some)})", rf".*\.[0-3]\..*{some[0]}", rf".*{some[0]}", "(", some[0],
        rf".*(self_attn|attention|attn).*\.{some[0]}",
        rf"model\..*layers\.\d+\..*({'|'.join(some)})$",
    ])  # fmt: skip
    return rng.choices(
        [
            some,
            SEVEN,
            "all-linear",
            pattern,
            [*some, "no_such_layer"],
            full,
            None,
            some[:1],
            [*some, *full],
            [],
            [*dotted, some[0]],
        ],
        [8, 3, 4, 4, 1, 2, 1, 2, 1, 0.3, 2],
    )[0]


def _exclude(table: ModuleTable, rng: random.Random, _: Any) -> dict[str, Any]:
    some = rng.choices(leaves(table), k=rng.choice([1, 2]))
    return {
        "exclude_modules": rng.choice(
            [some, rf".*\.{some[0]}", r".*\.[01]\..*", r".*vision.*", ["lm_head"]]
        )
    }


def _layers(_: ModuleTable, rng: random.Random, config: Any) -> dict[str, Any]:
    if isinstance(config.get("target_modules"), str) and rng.random() < 0.9:
        return {}
    chosen = {"layers_to_transform": rng.choice([0, [0], [0, 1], [1, 900], [], [-1]])}
    pattern = rng.choice([None, None, "layers", ["layers", "h"], "block", "blocks", "layer"])
    return {**chosen, "layers_pattern": pattern}


def _patterns(table: ModuleTable, rng: random.Random, _: Any) -> dict[str, Any]:
    names = rng.choices(leaves(table), k=2)
    keys = [names[0], rf".*{names[1]}", rf"layers.0.*{names[0]}", rf"^model.layers.1.*{names[1]}$"]
    key = rng.choice(["rank_pattern", "alpha_pattern"])
    return {key: {k: rng.choice([2, 3, 32, 5]) for k in rng.sample(keys, rng.choice([1, 2]))}}


def _saved(table: ModuleTable, rng: random.Random, _: Any) -> dict[str, Any]:
    ends = [
        table.input_embedding,
        table.output_embedding,
        "classifier",
        "score",
        "norm",
        "lm_head",
        "embed_tokens",
    ]
    known = [name.rpartition(".")[2] for name in ends if name]
    return {
        "modules_to_save": rng.sample(
            [*known, *rng.choices(leaves(table), k=1)], rng.choice([1, 1, 2])
        )
    }


def _switches(_: ModuleTable, rng: random.Random, __: Any) -> dict[str, Any]:
    choices: list[dict[str, Any]] = [
        {"use_dora": True}, {"use_rslora": True}, {"lora_bias": True}, {"bias": "all"},
        {"bias": "lora_only"}, {"lora_dropout": 0.1}, {"fan_in_fan_out": True},
        {"init_lora_weights": False}, {"bias": "some"}, {"r": 0},
        {"use_dora": True, "lora_bias": True},
    ]  # fmt: skip
    return rng.choice(choices)


def _parameters(table: ModuleTable, rng: random.Random, config: Any) -> dict[str, Any]:
    names = [name for name in table.parameter_names() if rng.random() < 0.02 or "experts" in name]
    if not names:
        return {}
    name = rng.choice(names)
    short = ".".join(name.split(".")[-rng.choice([1, 2, 2, 3]) :])
    drop = {"target_modules": rng.choice([[], config.get("target_modules")])}
    return {"target_parameters": [short], **drop}


def _rows(table: ModuleTable, rng: random.Random, _: Any) -> dict[str, Any]:
    name = (table.input_embedding or "embed_tokens").rpartition(".")[2]
    return {
        "trainable_token_indices": rng.choice(
            [[0, 1, 5], {name: [0, 3]}, {"embed_tokens": [1]}, {"lm_head": [2]}]
        )
    }


def _tying(table: ModuleTable, rng: random.Random, _: Any) -> dict[str, Any]:
    name = (table.input_embedding or "embed_tokens").rpartition(".")[2]
    chosen = rng.choice(
        [
            {},
            {"modules_to_save": [name]},
            {"target_modules": [name]},
            {"modules_to_save": ["lm_head"]},
        ]
    )
    return {"ensure_weight_tying": True, **chosen}


def _replication(_: ModuleTable, rng: random.Random, __: Any) -> dict[str, Any]:
    return {
        "layer_replication": rng.choice([[[0, 2], [1, 3]], [[0, 1]], [[0, 2], [0, 2]], [[0, 900]]])
    }


EXTRAS: list[Callable[[ModuleTable, random.Random, Any], dict[str, Any]]] = [
    _exclude, _layers, _patterns, _saved, _saved, _switches, _switches, _parameters, _rows, _tying,
    _replication,
]  # fmt: skip
