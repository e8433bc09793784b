"""What is seen of an act's outcome: each returns whether the silent effect is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import peft
import torch

from tests.proofs import runs

if TYPE_CHECKING:
    import transformers


def nothing_trainable(model: Any) -> bool:
    """Not one parameter would be trained."""
    return not any(parameter.requires_grad for parameter in model.parameters())


def trained_in_full(model: Any) -> bool:
    """Whether every weight is trained, and no adapter is there."""
    return all(p.requires_grad for p in model.parameters()) and not hasattr(model, "peft_config")


def no_gradient(model: Any) -> bool:
    """Every gradient of the adapter is exactly zero after a backward pass."""
    trained = [p for p in model.parameters() if p.requires_grad and p.grad is not None]
    return all(not parameter.grad.any() for parameter in trained)


def no_adapter(config: Any) -> bool:
    """No adapter config comes out: every weight is trained."""
    return config is None


def widened(model: Any) -> bool:
    """Some weight of a 16-bit model is float32."""
    return any(parameter.dtype == torch.float32 for parameter in model.parameters())


def weights_missing(model: Any) -> bool:
    """Some trained parameter holds no numbers."""
    return any(p.is_meta for p in model.parameters() if p.requires_grad)


def head_quantised(model: Any) -> bool:
    """The output head is held with 4 or 8 bits."""
    return "lm_head" in runs.quantised_layers(model)


def negative_scaling(model: Any) -> bool:
    """Some layer subtracts its adapter's output."""
    return any(layer.scaling["default"] < 0 for layer in _lora_layers(model))


def dropout_missing(model: Any) -> bool:
    """No layer drops any input."""
    return not any("Dropout" in type(part).__name__ for part in _parts(model, "lora_dropout"))


def some_gradient_missing(model: Any) -> bool:
    """The B matrix of some layer has no gradient other than zero."""
    return not all(part.weight.grad.any() for part in _parts(model, "lora_B"))


def pattern_without_effect(model: Any) -> bool:
    """Some value of the patterns is the rank or alpha of no layer."""
    config = model.peft_config["default"]
    layers = _lora_layers(model)
    ranks = {layer.r["default"] for layer in layers}
    alphas = {layer.lora_alpha["default"] for layer in layers}
    return not (
        set(config.rank_pattern.values()) <= ranks and set(config.alpha_pattern.values()) <= alphas
    )


def pattern_reaches_layer_ten(model: Any) -> bool:
    """A module of layer 10 has an alpha of the pattern."""
    config = model.peft_config["default"]
    layer = model.base_model.model.model.layers[10].self_attn.q_proj
    return layer.lora_alpha["default"] in config.alpha_pattern.values()


def base_bias_trained(model: Any) -> bool:
    """Some bias of the base would be trained."""
    return any(_trained_biases(model))


def bias_without_adapter_trained(model: Any) -> bool:
    """A bias of a layer that has no adapter would be trained."""
    return any("base_layer" not in name for name in _trained_biases(model))


def every_layer_adapted(model: Any) -> bool:
    """Every decoder layer has an adapter."""
    layers = model.base_model.model.model.layers
    return all(any("lora_A" in name for name, _ in layer.named_modules()) for layer in layers)


def layer_beyond_original_adapted(model: Any) -> bool:
    """A decoder layer has an adapter that the two-layer base does not have."""
    layers = list(model.base_model.model.model.layers)[2:]
    return any("lora_A" in name for layer in layers for name, _ in layer.named_modules())


def outputs_differ(pair: tuple[Any, Any]) -> bool:
    """Two answers that should be the same differ by more than rounding."""
    before, after = pair
    return float((before - after).abs().max()) > 1e-5


def starts_with_random_output(model: Any) -> bool:
    """The untrained adapter already changes the output, and the base does not make up for it."""
    zero = [not part.weight.any() for part in _parts(model, "lora_B")]
    return model.peft_config["default"].init_lora_weights in (None, False, "") and not all(zero)


def init_without_effect(model: Any) -> bool:
    """A special init is asked for, and every B matrix starts at zero as without it."""
    asked = isinstance(model.peft_config["default"].init_lora_weights, str)
    return asked and all(not part.weight.any() for part in _parts(model, "lora_B"))


def loftq_dropped(config: Any) -> bool:
    """LoftQ's settings are gone from the config."""
    return config.loftq_config == {} and config.init_lora_weights != "loftq"


def variant_missing(model: Any) -> bool:
    """A variant is asked for and no layer has one."""
    config = model.peft_config["default"]
    asked = (config.kasa_config, config.monteclora_config, config.use_bdlora)
    return any(asked) and not any(layer.lora_variant for layer in _lora_layers(model))


def _lora_layers(model: Any) -> list[Any]:
    return [module for module in model.modules() if hasattr(module, "lora_alpha")]


def _parts(model: Any, kind: str) -> list[Any]:
    return [part["default"] for layer in _lora_layers(model) for part in [getattr(layer, kind)]]


def _trained_biases(model: Any) -> list[str]:
    named = model.named_parameters()
    return [name for name, part in named if name.endswith(".bias") and part.requires_grad]


def computes_in_float32(config: transformers.BitsAndBytesConfig) -> bool:
    """4-bit layers multiply in float32."""
    return config.bnb_4bit_compute_dtype == torch.float32


def target_without_module(model: Any) -> bool:
    """A name of the target list has no module that carries LoRA."""
    adapted = model.base_model.targeted_module_names
    named = model.peft_config["default"].target_modules
    return not isinstance(named, str) and any(
        not any(f".{name}".endswith(f".{target}") for name in adapted) for target in named
    )


def parameter_without_adapter(model: Any) -> bool:
    """A name of ``target_parameters`` has no parameter that carries LoRA."""
    adapted = model.base_model.targeted_parameter_names
    named = model.peft_config["default"].target_parameters or []
    return any(not any(name.endswith(target) for name in adapted) for target in named)


def target_trained_in_full(model: Any) -> bool:
    """A module of the target list is a trained copy without LoRA."""
    named = model.peft_config["default"].target_modules
    return any(name.rpartition(".")[2] in named for name in _copies(model))


def saved_by_single_letters(model: Any) -> bool:
    """Trained copies exist of modules that nobody named."""
    return any(
        name.rpartition(".")[2] not in ("lm_head", "embed_tokens") for name in _copies(model)
    )


def nothing_excluded(model: Any) -> bool:
    """Every target carries LoRA, as if nothing were to be left out."""
    return not target_without_module(model)


def _copies(model: Any) -> list[str]:
    wrapper = peft.utils.ModulesToSaveWrapper
    return [name for name, module in model.named_modules() if isinstance(module, wrapper)]


def loftq_gains_nothing(gain: float) -> bool:
    """LoftQ's start brings the quantised base no nearer to its weights."""
    return gain < 0.01


def loftq_gains_partly(gain: float) -> bool:
    """Only part of LoftQ's gain is left."""
    return 0.01 < gain < 0.99


def uses_dora(model: Any) -> bool:
    """The adapter's layers compute DoRA."""
    return any("magnitude" in name for name, _ in model.named_parameters())


def rank_is_last(config: Any) -> bool:
    """The rank is that of the second key by the name, 8."""
    return bool(config.r == 8)


def score_head_frozen(model: Any) -> bool:
    """The head that gives the reward is not trained."""
    parameters = model.named_parameters()
    return not any("score" in name and weight.requires_grad for name, weight in parameters)


def new_head_frozen(model: Any) -> bool:
    """No head of a task is trained, whatever its name."""
    heads = ("score", "classifi", "logits_proj", "qa_outputs", "decode_head")
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    return not any(head in name for name in trained for head in heads)


def pooler_frozen(model: Any) -> bool:
    """The pooler before the classification head is not trained."""
    parameters = model.named_parameters()
    return not any("pooler" in name and weight.requires_grad for name, weight in parameters)


def end_not_learned(labels: list[int]) -> bool:
    """The last token of a text, its end, is no target of the loss."""
    ignored = -100  # the label that the loss of every transformers model passes over
    return labels[-1] == ignored


def embedding_frozen(model: Any) -> bool:
    """No row of the input embedding is trained."""
    named = [p for name, p in model.named_parameters() if "embed_tokens" in name]
    return not any(parameter.requires_grad for parameter in named)


def target_in_vain(model: Any) -> bool:
    """A target is the end of no adapted module's name."""
    names = model.base_model.targeted_module_names
    wanted = model.peft_config["default"].target_modules
    return not all(any(n.endswith(f".{name}") for n in names) for name in wanted)


def layer_in_vain(model: Any) -> bool:
    """A chosen layer holds no adapter."""
    adapted = " ".join(model.base_model.targeted_module_names)
    chosen = model.peft_config["default"].layers_to_transform
    return not all(f".layers.{number}." in adapted for number in chosen)


def saved_in_vain(model: Any) -> bool:
    """An entry of the modules to save has led to no copy, nor has the task's head."""
    names = model.peft_config["default"].modules_to_save or []
    return any(
        not any(k.endswith(n) for k in _copies(model)) for n in names if n != "classifier"
    ) or ("classifier" in names and not _copies(model))


def saved_beside(model: Any) -> bool:
    """A module is trained in full of which an entry is only the end of the last word."""
    names = model.peft_config["default"].modules_to_save
    return not all(any(k.endswith(f".{n}") for n in names) for k in _copies(model))


def tower_adapted(model: Any) -> bool:
    """Layers of the image tower have adapters."""
    names = model.base_model.targeted_module_names
    return any("visual" in name or "vision_tower" in name for name in names)


def experts_untouched(model: Any) -> bool:
    """Targets name expert layers, and no adapter is on the experts."""
    wanted = set(model.peft_config["default"].target_modules)
    adapted = [n for n in model.base_model.targeted_parameter_names if "experts" in n]
    return "up_proj" in wanted and not adapted


_BLOCK = re.compile(r".*?\.(?:layers|h)\.(\d+)\.")


def _layers(names: Any) -> set[str]:
    return {match[1] for match in map(_BLOCK.match, names) if match}


def layers_without_adapter(model: Any) -> bool:
    """Two thirds of the decoder's layers or more hold no adapter."""
    adapted = _layers(f".{name}" for name in model.base_model.targeted_module_names)
    every = _layers(f".{name}" for name, _ in model.named_modules())
    return len(adapted) <= len(every) / 3


def target_in_part_of_layers(model: Any) -> bool:
    """Some target is found in a part of the layers only."""
    names = model.base_model.targeted_module_names
    every = _layers(f".{name}" for name, _ in model.named_modules())
    targets = model.peft_config["default"].target_modules
    found = [_layers(f".{name}" for name in names if name.endswith(t)) for t in targets]
    return any(layers and layers != every for layers in found)


def bias_asked_in_vain(model: Any) -> bool:
    """Biases are to be trained, and none is."""
    return model.peft_config["default"].bias != "none" and not _trained_biases(model)


def head_rows_frozen(model: Any) -> bool:
    """No row of the output head is trained, while rows of the input embedding are."""
    trained = [name for name, part in model.named_parameters() if part.requires_grad]
    rows = [name for name in trained if "trainable_tokens" in name]
    return bool(rows) and not any("lm_head" in name for name in rows)


def linear_namesake_without_adapter(model: Any) -> bool:
    """A linear layer with the name of a target has no adapter."""
    wanted = ("gate_proj", "up_proj", "down_proj")
    written = {name for name in wanted if "experts" in str(model.targeted_parameter_names)}
    layers = [n for n, part in model.named_modules() if isinstance(part, torch.nn.Linear)]
    return any(name.rpartition(".")[2] in written for name in layers)


def excluded_part_adapted(model: Any) -> bool:
    """Layers inside a part that an exclusion names have adapters."""
    names = model.peft_config["default"].exclude_modules
    parts = [names] if isinstance(names, str) else names
    adapted = model.base_model.targeted_module_names
    return any(f".{part.strip('.*')}." in f".{name}." for part in parts for name in adapted)


def head_weight_frozen(model: Any) -> bool:
    """The weight of the new head itself is not trained."""
    trained = [name for name, part in model.named_parameters() if part.requires_grad]
    return not any("score" in name and "lora_" not in name for name in trained)


def scaled_in_bfloat16(built: tuple[Any, bool]) -> bool:
    """The gradient scaler of fp16 would be given bfloat16 gradients."""
    model, scales = built
    trained = [part.dtype for part in model.parameters() if part.requires_grad]
    return scales and torch.bfloat16 in trained


def trained_part_unsaved(names: tuple[list[str], list[str]]) -> bool:
    """Something trained is not among what an adapter's file holds."""
    trained, saved = (
        {name.replace(".default", "").replace(".modules_to_save", "") for name in part}
        for part in names
    )
    return not trained <= saved
