"""What a framework does with a recipe, done with the real libraries on tiny models.

An act takes an :class:`Attempt` and returns what an observation looks at, or raises what the
library raises.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import peft
import torch
import transformers
import yaml

from lora_advisor.models import ids
from tests.proofs import models, runs, scripts

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One example of a card: its recipe and its raw text."""

    recipe: Recipe
    text: str


def construct(attempt: Attempt) -> peft.LoraConfig:
    """Make the LoraConfig."""
    return models.lora_config(attempt.recipe)


def inject(attempt: Attempt) -> Any:
    """Put the adapter into a small Llama."""
    return peft.get_peft_model(models.llama(), models.lora_config(attempt.recipe))


def inject_tied(attempt: Attempt) -> Any:
    """Put the adapter into a Llama whose input and output embeddings are one tensor."""
    model = models.llama(tie_word_embeddings=True)
    return peft.get_peft_model(model, models.lora_config(attempt.recipe))


def inject_as_called(attempt: Attempt) -> Any:
    """Put the adapter into a small Llama with the arguments that the script gives beside it."""
    keys = {key.path: getattr(key.node, "text", "") for key in attempt.recipe.keys}
    empty = keys.get("get_peft_model.low_cpu_mem_usage") == "True"
    config = models.lora_config(attempt.recipe)
    return peft.get_peft_model(models.llama(), config, low_cpu_mem_usage=empty)


def inject_tuner(attempt: Attempt) -> Any:
    """Put an adapter of another kind into a small Llama, configured as the script does."""
    return peft.get_peft_model(models.llama(), models.tuner_config(attempt.recipe))


def prepare_as_called(attempt: Attempt) -> Any:
    """Prepare a 16-bit model for k-bit training where the script says it of such a one."""
    model = models.llama().to(torch.bfloat16)
    calls: Any = attempt.recipe["run.calls"].value
    unquantised = attempt.recipe["quant.method"].value is None
    asked = unquantised and "prepare_model_for_kbit_training" in calls
    return peft.prepare_model_for_kbit_training(model) if asked else model


def attend(attempt: Attempt) -> Any:
    """Make a small Llama with the attention implementation that is written."""
    config = models.llama().config
    config._attn_implementation = str(attempt.recipe["model.attn_implementation"].value)
    return transformers.LlamaForCausalLM(config)


def inject_moe(attempt: Attempt) -> Any:
    """Put the adapter into a mixture of experts."""
    return peft.get_peft_model(models.qwen3_moe(), models.lora_config(attempt.recipe))


def inject_classifier(attempt: Attempt) -> Any:
    """Put the adapter into a sequence classifier."""
    return peft.get_peft_model(models.classifier(), models.lora_config(attempt.recipe))


def load_adapter_config(attempt: Attempt) -> peft.PeftConfig:
    """Read the text as the adapter_config.json of a saved adapter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "adapter_config.json").write_text(attempt.text, "utf-8")
        return peft.PeftConfig.from_pretrained(folder)


def step(attempt: Attempt) -> Any:
    """Put the adapter into a small Llama and make one backward pass."""
    model = inject(attempt)
    model.train()
    model(**models.batch()).loss.backward()
    return model


def arguments(attempt: Attempt) -> transformers.TrainingArguments:
    """Make TrainingArguments of what the recipe states of the run."""
    known = {field.name for field in fields(transformers.TrainingArguments)}
    stated = models.stated(attempt.recipe, "train").items()
    chosen = {name: value for name, value in stated if name in known}
    with tempfile.TemporaryDirectory() as folder:
        return transformers.TrainingArguments(
            **{"report_to": "none", **chosen, "output_dir": folder, "use_cpu": True}
        )


def quantisation(attempt: Attempt) -> transformers.BitsAndBytesConfig:
    """Make the BitsAndBytesConfig of what the recipe states."""
    stated = models.stated(attempt.recipe, "quant")
    return transformers.BitsAndBytesConfig(
        **{name: value for name, value in stated.items() if name not in ("method", "bits")}
    )


def train(attempt: Attempt) -> runs.Run:
    """Train a small Llama with the adapter and the arguments of the recipe."""
    return runs.train(attempt.recipe)


def load_quantised(attempt: Attempt) -> Any:
    """Load a small Llama as the recipe has it quantised."""
    return runs.load(attempt.recipe)


def train_loaded(attempt: Attempt) -> runs.Run:
    """Load the base as the recipe has it and train it, with an adapter where there is one."""
    model = runs.load(attempt.recipe)
    if attempt.recipe["lora.enabled"].value:
        model = peft.get_peft_model(model, models.lora_config(attempt.recipe))
    return runs.train(attempt.recipe, model)


def unscale(attempt: Attempt) -> Any:
    """Put the adapter into the base in its dtype, and unscale its gradients as fp16 does."""
    dtype = getattr(torch, str(attempt.recipe["model.dtype"].value))
    model = peft.get_peft_model(models.llama().to(dtype), models.lora_config(attempt.recipe))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(torch.ones(()))
    return scaler.unscale_(optimiser)


def inject_biased(attempt: Attempt) -> Any:
    """Put the adapter into a Llama whose attention and MLP layers have biases."""
    model = models.llama(attention_bias=True, mlp_bias=True)
    return peft.get_peft_model(model, models.lora_config(attempt.recipe))


def inject_deep(attempt: Attempt) -> Any:
    """Put the adapter into a Llama of twelve layers."""
    model = models.llama(num_hidden_layers=12)
    return peft.get_peft_model(model, models.lora_config(attempt.recipe))


def inject_quantised(attempt: Attempt) -> Any:
    """Put the adapter into a small Llama that bitsandbytes loaded in 4 bits."""
    return peft.get_peft_model(models.four_bit_llama(), models.lora_config(attempt.recipe))


def inject_as_stated(attempt: Attempt) -> Any:
    """Put the adapter into a small Llama, in 4 bits if the recipe's base is loaded or stored so."""
    quantised = models.stated(attempt.recipe, "quant")
    asked = quantised.get("load_in_4bit") or quantised.get("load_in_8bit")
    stored = str(attempt.recipe["model.name_or_path"].value).endswith("-bnb-4bit")
    return inject_quantised(attempt) if asked or stored else inject(attempt)


def merge(attempt: Attempt) -> tuple[Any, Any]:
    """Train an adapter (by chance) and merge it: the logits before and after."""
    model = models.with_random_b(inject(attempt))
    before = models.logits(model)
    return before, models.logits(model.merge_and_unload())


def reload(attempt: Attempt) -> tuple[Any, Any]:
    """Save an adapter and load it on a fresh copy of the base: the logits before and after."""
    model = inject(attempt)
    before = models.logits(model)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        base = models.llama()
        torch.manual_seed(7)  # another process, another state of the random numbers
        loaded = peft.PeftModel.from_pretrained(base, folder)
    return before, models.logits(loaded)


def switch_off(attempt: Attempt) -> tuple[Any, Any]:
    """Ask the base, and the model with its adapter switched off, as trl does for a reference."""
    model = inject(attempt)
    with model.disable_adapter():
        return models.logits(models.llama()), models.logits(model)


def raw_arguments(attempt: Attempt) -> transformers.TrainingArguments:
    """Make TrainingArguments of the switches of checkpointing exactly as they are written."""
    names = ("gradient_checkpointing", "activation_checkpointing")
    written = {key.path: getattr(key.node, "text", "") for key in attempt.recipe.keys}
    chosen: dict[str, Any] = {name: written[name] == "true" for name in names if name in written}
    with tempfile.TemporaryDirectory() as folder:
        return transformers.TrainingArguments(output_dir=folder, use_cpu=True, **chosen)


def written_arguments(attempt: Attempt) -> transformers.TrainingArguments:
    """Make TrainingArguments of every argument exactly as the file has it."""
    known = {field.name for field in fields(transformers.TrainingArguments)}
    chosen = {name: v for name, v in yaml.safe_load(attempt.text).items() if name in known}
    with tempfile.TemporaryDirectory() as folder:
        own = {"output_dir": folder, "use_cpu": True, "bf16": False, "report_to": "none"}
        return transformers.TrainingArguments(**{**chosen, **own})


def train_biases_and_switch_off(attempt: Attempt) -> tuple[Any, Any]:
    """Train the adapter of a model with biases, and switch it off: before and after."""
    model = inject_biased(attempt)
    with model.disable_adapter():
        before = models.logits(model)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1
    with model.disable_adapter():
        return before, models.logits(model)


def shard(attempt: Attempt) -> transformers.TrainingArguments:
    """Make TrainingArguments of what the recipe states of FSDP."""
    config = attempt.recipe["run.fsdp_config"].value
    with tempfile.TemporaryDirectory() as folder:
        return transformers.TrainingArguments(
            output_dir=folder,
            use_cpu=True,
            fsdp=attempt.recipe["run.fsdp"].value is True,
            fsdp_config=config if isinstance(config, dict) else None,
        )


def fill_deepspeed(attempt: Attempt) -> None:
    """Fill a DeepSpeed config from the arguments, as the Trainer does before it trains."""
    from accelerate.utils.deepspeed import HfDeepSpeedConfig
    from transformers.integrations import deepspeed

    # Without DeepSpeed installed transformers leaves this base out, which is a plain dictionary.
    kind = type("Config", (deepspeed.HfTrainerDeepSpeedConfig, HfDeepSpeedConfig), {})
    with mock.patch.object(deepspeed, "dep_version_check"):
        config = kind(attempt.recipe["run.deepspeed"].value)
    args = arguments(attempt)
    config.trainer_config_process(args)
    config.trainer_config_finalize(args, models.llama(), num_training_steps=10)


def inject_loftq(attempt: Attempt) -> Any:
    """Put a LoftQ adapter into a small Llama; PEFT names a GPU for it, this is its code on the CPU.

    axolotl makes a LoftQConfig of what it reads, with PEFT's defaults.
    """
    config = models.lora_config(attempt.recipe)
    if attempt.recipe.framework == "axolotl":
        config.loftq_config = vars(peft.LoftQConfig(**config.loftq_config))
    with models.loftq_on_cpu():
        return peft.get_peft_model(models.llama(hidden_size=64, intermediate_size=64), config)


def loftq_gain(attempt: Attempt) -> float:
    """Start with LoftQ: the share of its gain that is left, 1 where the adapter is added unscaled.

    The gain is how much nearer (squared) the quantised weight comes to the original.
    """
    base = models.llama(hidden_size=64, intermediate_size=64)
    adapted = inject_loftq(attempt).base_model.model.model.layers[0].self_attn.q_proj
    error = base.model.layers[0].self_attn.q_proj.weight - adapted.base_layer.weight
    scaled = adapted.get_delta_weight("default")
    parts = (scaled, scaled / adapted.scaling["default"])
    left, whole = (error.norm() ** 2 - (error - part).norm() ** 2 for part in parts)
    return float(left / whole)


def optimiser_of_yaml(attempt: Attempt) -> torch.optim.Optimizer:
    """Give the learning rate to the optimizer as ``yaml.safe_load`` reads it."""
    rate = yaml.safe_load(attempt.text)["training"]["learning_rate"]
    return torch.optim.AdamW(models.llama().parameters(), lr=rate)


def step_whisper(attempt: Attempt) -> None:
    """Put the adapter into a small Whisper and give it sound with its text, as a trainer does."""
    model = peft.get_peft_model(models.whisper(), models.lora_config(attempt.recipe))
    sound = torch.zeros(1, 4, 16)
    model(input_features=sound, labels=torch.ones(1, 4, dtype=torch.long)).loss.backward()


def prepare_and_inject(attempt: Attempt) -> Any:
    """Prepare a 4-bit model for training and put the adapter in, in the script's order."""
    return scripts.prepared(attempt.recipe)


def reload_for_training(attempt: Attempt) -> Any:
    """Load a saved adapter the way the script loads it."""
    return scripts.reloaded(attempt.recipe)


def collate(attempt: Attempt) -> list[int]:
    """Pad and label two texts that end in their end token."""
    return scripts.collated(attempt.recipe)


def grow_and_inject(attempt: Attempt) -> Any:
    """Grow the embeddings by a token and put the adapter in."""
    return scripts.grown(attempt.recipe)


def inject_on_base(attempt: Attempt) -> Any:
    """Put the adapter into the model the config names, built without weights."""
    name = str(attempt.recipe["model.name_or_path"].value)
    entry, _ = ids.entry_of(name)
    assert entry is not None
    config = transformers.AutoConfig.for_model(**entry["config"])
    stated = attempt.recipe["model.auto_class"].value
    loader = stated if isinstance(stated, str) else entry["default"]
    maker = getattr(transformers, str(loader))
    with torch.device("meta"):
        model = maker.from_config(config) if loader.startswith("Auto") else maker(config)
        lora = models.lora_config(attempt.recipe)
        return peft.get_peft_model(model, lora, low_cpu_mem_usage=True)


def inject_scaled(attempt: Attempt) -> tuple[Any, bool]:
    """Put the adapter into a Llama of the stated type: the model, and whether fp16 scales it."""
    base = models.llama().to(getattr(torch, str(attempt.recipe["model.dtype"].value)))
    model = peft.get_peft_model(base, models.lora_config(attempt.recipe))
    return model, attempt.recipe["train.fp16"].value is True


def unscale_in_order(attempt: Attempt) -> None:
    """Put the adapter in and make the model float16 in the script's order; unscale gradients."""
    scripts.unscaled(scripts.run_marked(attempt.text, models.lora_config(attempt.recipe)))


def save_after_order(attempt: Attempt) -> tuple[list[str], list[str]]:
    """Run the script's lines about the model, and save: names of what is trained, and saved."""
    model = scripts.run_marked(attempt.text, models.lora_config(attempt.recipe))
    saved = peft.get_peft_model_state_dict(model)
    trained = [name for name, part in model.named_parameters() if part.requires_grad]
    return trained, list(saved)
