"""Answers with PEFT itself what a LoRA config trains: pairs as JSON lines in, answers out.

Runs in any environment with torch, transformers and peft, also old ones, and imports nothing of
this project. A pair is ``id``, ``config`` (a model's ``config.json``), ``auto_class``, ``lora``.
Models are built on the meta device: no weights, no remote code.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import os
import sys
import warnings
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")

import peft
import torch
import transformers
from peft.tuners.lora.layer import LoraLayer

transformers.logging.set_verbosity_error()
_KNOWN = inspect.signature(peft.get_peft_model).parameters
_BUILT: dict[str, Any] = {}


def main() -> int:
    """Answer every line."""
    for line in sys.stdin:
        pair = json.loads(line)
        print(json.dumps({"id": pair["id"], **answer(pair)}), flush=True)
    return 0


def answer(pair: dict[str, Any]) -> dict[str, Any]:
    """Return what PEFT makes of a pair, or the kind of error it raises."""
    try:
        model = built(pair)
    except Exception as error:  # noqa: BLE001 - whatever a config makes a library raise
        return {"status": "model-error", "error": f"{type(error).__name__}: {error}"[:200]}
    count = sum(parameter.numel() for parameter in model.parameters())
    try:
        with torch.device("meta"):
            adapted = peft.get_peft_model(model, peft.LoraConfig(**pair["lora"]), **cheap(pair))
    except Exception as error:  # noqa: BLE001 - the error is the answer
        text = " ".join(str(error).split())[:200]
        kind = type(error).__name__
        return {"status": "peft-error", "error_type": kind, "error": text, "base_params": count}
    return {"status": "ok", "base_params": count, **described(adapted)}


def cheap(pair: dict[str, Any]) -> dict[str, bool]:
    """Have PEFT leave the adapters empty, but not where layers are replicated and biases trained.

    Within ``low_cpu_mem_usage`` a parameter that is registered is replaced by a new one, so that
    replicated layers would not share their biases as they do in a training.
    """
    lora = pair["lora"]
    shares = lora.get("layer_replication") and lora.get("bias", "none") != "none"
    return {"low_cpu_mem_usage": True} if "low_cpu_mem_usage" in _KNOWN and not shares else {}


def built(pair: dict[str, Any]) -> Any:
    """Build the model of a pair on meta; the last one is kept for the next pair."""
    key = json.dumps([pair["config"], pair["auto_class"]])
    if key not in _BUILT:
        _BUILT.clear()
        data = dict(pair["config"])
        kind = data.pop("model_type")
        config = transformers.AutoConfig.for_model(kind, **data)
        maker = getattr(transformers, pair["auto_class"])
        with torch.device("meta"):
            auto = pair["auto_class"].startswith("Auto")
            _BUILT[key] = maker.from_config(config) if auto else maker(config)
    return copy.deepcopy(_BUILT[key])


def described(adapted: Any) -> dict[str, Any]:
    """Write down what is adapted, at which rank and scaling, what is saved and what trains."""
    modules: list[Any] = []
    parameters: list[Any] = []
    saved: list[Any] = []
    ranks: dict[str, Any] = {}
    scalings: set[float] = set()
    for name, module in adapted.base_model.model.named_modules():
        if isinstance(module, LoraLayer):
            own = getattr(module, "parameter_name", None)
            plain = name.replace(".base_layer", "")
            (parameters if own else modules).append(f"{plain}.{own}" if own else plain)
            rank = str(module.r["default"])
            ranks[rank] = ranks.get(rank, 0) + 1
            scalings.add(round(float(module.scaling["default"]), 6))
        elif type(module).__name__ in ("ModulesToSaveWrapper", "TrainableTokensWrapper"):
            saved.append(name)
    trained = {id(p): p.numel() for p in adapted.parameters() if p.requires_grad}
    return {
        "modules_sha": digest(modules),
        "modules_n": len(modules),
        "modules": sorted(modules)[:6],
        "parameters_sha": digest(parameters),
        "parameters_n": len(parameters),
        "saved_modules": sorted(saved),
        "rank_counts": dict(sorted(ranks.items())),
        "scalings": sorted(scalings),
        "trainable_params": sum(trained.values()),
    }


def digest(names: list[str]) -> str:
    """Return the fingerprint of a set of names."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
