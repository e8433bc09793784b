"""Collects the sizes of well-known models that the catalogue does not hold.

    published_sizes.py PATH/TO/litgpt/config.py

LitGPT keeps the sizes of the models it loads, each under its id on the Hub; its own tests load the
published weights' layout with them. They are written as the fields of ``config.json`` that shape a
model. LitGPT does not tie embeddings; which of these models tie theirs stands in :data:`TIED`.
Context lengths are left out, because LitGPT shortens some of them.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from lora_advisor.models import catalogue, families, ids

OUT = Path(__file__).resolve().parents[1] / "lora_advisor" / "models" / "published.json"

TIED: Final = re.compile(
    r"meta-llama/llama-3\.2-[13]b|huggingfacetb/smollm2-|microsoft/phi-4-mini-|google/"
    r"|qwen/qwen2\.5-((coder|math)-)?(0\.5|1\.5|3)b|qwen/qwen3-(0\.6|1\.7|4)b"
)
"""Models whose own config ties the embeddings."""
ARCHITECTURES: Final = {
    "gemma": "GemmaForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gpt_neox": "GPTNeoXForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "olmo2": "Olmo2ForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
"""The types that are taken, and the class that each model of them names."""
WRITTEN: Final = {"gemma2": {"cache_implementation": "hybrid"}}
"""Further fields that the published models of a type have in common."""
SINGLE_KEY_VALUE: Final = frozenset({"gpt_neox"})
"""Types whose heads all have keys and values of their own, so that no field counts them."""


def main() -> int:
    """Write the table and say how many models it holds."""
    config = _imported(Path(sys.argv[1]))
    every = [config.Config(**fields) for fields in config.configs]
    found = dict(sorted(dict(filter(None, map(_described, every))).items()))
    OUT.write_text(
        "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()) + "\n}\n",
        encoding="utf-8",
    )
    print(f"{len(found)} models")
    return 0


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("litgpt_config", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _described(known: Any) -> tuple[str, dict[str, Any]] | None:
    """Return a model's key in the table and its config, None for one that is of no use there."""
    publisher, name = known.hf_config.get("org", ""), known.hf_config.get("name", "")
    wanted = f"{publisher}/{name}".lower()
    model_type = (families.family_of(wanted) or {}).get("model_type")
    if model_type not in ARCHITECTURES or ids.entry_of(wanted)[0] is not None:
        return None
    key = f"{publisher.lower()}/{ids.plain(name.lower())}"
    return key, _config(known, model_type, tied=TIED.match(wanted) is not None)


def _config(known: Any, model_type: str, *, tied: bool) -> dict[str, Any]:
    config = {
        "model_type": model_type,
        "architectures": [ARCHITECTURES[model_type]],
        "hidden_size": known.n_embd,
        "intermediate_size": known.intermediate_size,
        "num_hidden_layers": known.n_layer,
        "num_attention_heads": known.n_head,
        "vocab_size": known.padded_vocab_size,
        "tie_word_embeddings": tied,
        **WRITTEN.get(model_type, {}),
    }
    if model_type not in SINGLE_KEY_VALUE:
        config["num_key_value_heads"] = known.n_query_groups
    if known.head_size * known.n_head != known.n_embd or "head_dim" in _fields(model_type):
        config["head_dim"] = known.head_size
    if known.n_expert:
        config["num_local_experts"] = known.n_expert
    return config


def _fields(model_type: str) -> set[str]:
    """Return the fields that the catalogue's models of a type write."""
    return {field for entry in catalogue.models(model_type) for field in entry["config"]}


if __name__ == "__main__":
    sys.exit(main())
