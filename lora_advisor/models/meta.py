"""Builds a model on torch's meta device and writes its modules down, as a program of its own.

    python -m lora_advisor.models.meta < {"config": …, "auto_class": …} > the module table as JSON

No weights are read, nothing is fetched, and no code of a model's repository is run: only types
that transformers itself knows are built. Needs torch and transformers; imports nothing else of
this package, and nothing of this package imports it but its caller's process.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from torch import nn
from transformers.models.auto import modeling_auto
from transformers.pytorch_utils import Conv1D

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KINDS: tuple[tuple[Any, str], ...] = (
    (nn.Embedding, "embedding"),
    (nn.Conv2d, "conv2d"),
    (nn.Conv3d, "conv3d"),
    (nn.Conv1d, "conv1d"),
    (nn.MultiheadAttention, "attention"),
    (nn.Linear, "linear"),
    (Conv1D, "transposed-linear"),
    ((nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict), "container"),
)
DROPPED = frozenset(
    {"quantization_config", "auto_map", "transformers_version", "_name_or_path", "_commit_hash"}
)
_MAPPINGS = {
    "AutoModelForImageTextToText": "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",
    "AutoModelForSeq2SeqLM": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "AutoModelForSpeechSeq2Seq": "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES",
}


def main() -> int:
    """Answer one request; an error of the library is an answer, too."""
    request = json.load(sys.stdin)
    raw = request["config"]
    auto_class = request["auto_class"] or default_auto_class(raw)
    try:
        answer = described(build(raw, auto_class), auto_class)
    except Exception as error:  # noqa: BLE001 - whatever a config makes a library raise
        answer = {"failed": f"{type(error).__name__}: {error}"[:300]}
    json.dump({**answer, "transformers": transformers.__version__}, sys.stdout)
    return 0


def clean_config(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config without what says nothing about its modules or must not run."""
    return {
        key: clean_config(value) if isinstance(value, dict) else value
        for key, value in raw.items()
        if key not in DROPPED
    }


def default_auto_class(raw: Mapping[str, Any]) -> str:
    """Name the class a fine-tuning script loads the model with."""
    kind = str(raw.get("model_type", ""))
    named = str((raw.get("architectures") or [""])[0])
    causal = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if named.endswith("ForCausalLM") and kind in causal:
        return "AutoModelForCausalLM"
    for auto_class, mapping in _MAPPINGS.items():
        if kind in getattr(modeling_auto, mapping, ()):
            return auto_class
    if named.endswith(("ForCausalLM", "LMHeadModel")):
        return "AutoModelForCausalLM"
    if kind.endswith("_text") and named.endswith("ForConditionalGeneration"):
        return "AutoModelForCausalLM" if kind in causal else "AutoModel"
    if named and hasattr(transformers, named):
        return named
    return "AutoModelForCausalLM" if kind in causal else "AutoModel"


def build(raw: Mapping[str, Any], auto_class: str) -> Any:
    """Build a model on meta from its config alone; an unknown type raises."""
    data = clean_config(raw)
    config = transformers.AutoConfig.for_model(data.pop("model_type"), **data)
    maker = getattr(transformers, auto_class)
    with torch.device("meta"):
        return maker.from_config(config) if auto_class.startswith("Auto") else maker(config)


def described(model: Any, auto_class: str) -> dict[str, Any]:
    """Write down every module of a model, its embeddings, and what is tied to what."""
    names = {id(module): name for name, module in model.named_modules()}
    return {
        "auto": auto_class,
        "type": model.config.model_type,
        "input": names.get(id(embedding(model, "get_input_embeddings"))),
        "output": names.get(id(embedding(model, "get_output_embeddings"))),
        "tie": bool(model.config.to_dict().get("tie_word_embeddings")),
        "tied": tied(model),
        "shared": shared_modules(model, names),
        "ties": shared_parameters(model),
        "generates": hasattr(model, "prepare_inputs_for_generation"),
        "modules": list(_modules(model)),
    }


def _modules(model: nn.Module) -> Iterator[list[Any]]:
    for name, module in model.named_modules():
        own = module.named_parameters(recurse=False, remove_duplicate=False)
        shapes = [[key, *parameter.shape] for key, parameter in own]
        more = extras(module)
        yield [
            name,
            kind_of(module),
            type(module).__name__,
            shapes,
            more.get("transposed", False),
            more.get("groups", 1),
        ]


def kind_of(module: nn.Module) -> str:
    """Return what PEFT makes of a module's class, empty for one it cannot adapt."""
    return next((kind for types, kind in KINDS if isinstance(module, types)), "")


def extras(module: nn.Module) -> dict[str, Any]:
    """What beyond class and shapes decides how PEFT adapts a module."""
    found: dict[str, Any] = {}
    if getattr(module, "is_transposed", False):
        found["transposed"] = True
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) and module.groups > 1:
        found["groups"] = module.groups
    return found


def embedding(model: Any, getter: str) -> nn.Module | None:
    """Return an embedding of the model, None where it has none."""
    try:
        found: nn.Module | None = getattr(model, getter)()
    except (NotImplementedError, AttributeError):
        return None
    return found


def tied(model: Any) -> list[str]:
    """Return the modules that PEFT ties to the input embedding.

    Older releases, and none at all, do not say; transformers 4 then does.
    """
    with suppress(ImportError, NotImplementedError, AttributeError, ValueError):
        from peft.utils.other import _get_module_names_tied_with_embedding

        return list(_get_module_names_tied_with_embedding(model))
    if getattr(model.config, "tie_word_embeddings", None) is False:
        return []
    keys = getattr(model, "_tied_weights_keys", None)  # names until 5, a mapping since
    return sorted({key.rpartition(".")[0] for key in keys}) if isinstance(keys, list) else []


def shared_modules(model: nn.Module, names: Mapping[int, str]) -> list[list[str]]:
    """Return ``[name, first name]`` of modules that stand in the tree more than once."""
    pairs: list[list[str]] = []
    for name, module in model.named_modules(remove_duplicate=False):
        first = names[id(module)]
        if first != name and not any(name.startswith(f"{known}.") for known, _ in pairs):
            pairs.append([name, first])
    return pairs


def shared_parameters(model: nn.Module) -> list[list[str]]:
    """Return ``[name, first name]`` of parameters that are another one under a second name."""
    first: dict[int, str] = {}
    pairs: list[list[str]] = []
    for name, module in model.named_modules():
        for own, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            full = f"{name}.{own}" if name else own
            known = first.setdefault(id(parameter), full)
            if known != full:
                pairs.append([full, known])
    return pairs


if __name__ == "__main__":
    sys.exit(main())
