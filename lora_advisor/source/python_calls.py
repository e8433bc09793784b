"""Which calls of a program are kept, and what their positional arguments are called."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ast

from lora_advisor.pattern import pattern

KEPT: Final = 4096
"""Names of functions that are remembered."""
INLINE: Final = pattern(
    r"(?:LoftQ|Eva|Corda|LoraGA|Kasa|Velora|Monteclora|Arrow|BdLora|LoraRuntime)Config"
)
"""Parts of a LoraConfig: their arguments stand inside it."""
RECORDED: Final = pattern(
    r"(?:Lora|AdaLora|LoHa|LoKr|Vera|IA3|OFT|BOFT|LNTuning|RandLora|Prefix\w*|Prompt\w*|P\w*Tuning"
    r"|BitsAndBytes|GPTQ|Awq|AWQ|HQQ|Hqq|Quanto|Eetq|TorchAo|"
    r"SFT|DPO|GRPO|KTO|Reward|RLOO|ORPO|CPO|PPO|Model)Config"
    r"|\w*TrainingArguments|\w*Trainer|DataCollator\w+|Accelerator|AdamW"
    r"|from_pretrained|get_peft_model|prepare_model_for_kbit_training|merge_and_unload"
    r"|resize_token_embeddings|add_tokens|add_special_tokens|add_adapter|load_adapter"
    r"|gradient_checkpointing_enable|enable_input_require_grads|replace_lora_weights_loftq"
    r"|finetune_recipe|LoRA|initialize_lora_eva_weights|preprocess_corda|preprocess_loraga|set_seed|for_inference"
    r"|load_dataset|backward|get_peft_config|save_pretrained|push_to_hub|requires_grad_"
    r"|get_chat_template|train_on_responses_only|(?:Distributed)?DataParallel|EarlyStoppingCallback"
)
POSITIONAL: Final[dict[str, tuple[str, ...]]] = {
    "from_pretrained": ("pretrained_model_name_or_path",),
    "get_peft_model": ("model", "peft_config"),
    "AdamW": ("params", "lr"),
    "prepare_model_for_kbit_training": ("model",),
    "add_adapter": ("adapter_config",),
    "resize_token_embeddings": ("new_num_tokens",),
    "add_tokens": ("new_tokens",),
    "DataParallel": ("module",),
    "DistributedDataParallel": ("module",),
    "get_chat_template": ("tokenizer", "chat_template"),
    "train_on_responses_only": ("trainer", "instruction_part", "response_part"),
    "load_dataset": ("path", "name", "data_dir", "data_files", "split"),
    "add_special_tokens": ("special_tokens_dict",),
}
LOADED: Final[dict[str, tuple[str, ...]]] = {
    "PeftModel": ("pretrained_model_name_or_path", "[1]", "adapter_name", "is_trainable"),
    "AutoPeftModel": ("pretrained_model_name_or_path", "adapter_name", "is_trainable"),
}
"""Positional arguments of ``from_pretrained`` by the beginning of its class."""
TRAINERS: Final[dict[str, tuple[str, ...]]] = {
    "DPOTrainer": ("model", "ref_model", "args"),
    "KTOTrainer": ("model", "ref_model", "args"),
    "GRPOTrainer": ("model", "reward_funcs", "args"),
}
"""Positional arguments of trainers; of any other the model and its arguments come first."""
OUTPUT_FIRST: Final = pattern(r"\w*TrainingArguments|(?:SFT|DPO|GRPO|KTO|Reward|RLOO)Config")
OF_A_MODEL: Final = frozenset(
    {"merge_and_unload", "save_pretrained", "push_to_hub", "resize_token_embeddings"}
    | {"requires_grad_", "load_adapter", "prepare_model_for_kbit_training"}
)
"""Methods of which it counts how their owner was made."""
OF_SPLITS: Final = frozenset(
    {"map", "filter", "shuffle", "rename_column", "rename_columns", "remove_columns"}
    | {"select_columns", "cast_column", "with_format", "flatten"}
)
"""Methods of a data set that leave its splits as they are."""
OF_ITSELF: Final = frozenset({"to", "cuda", "cpu", "half", "float", "bfloat16", "eval", "train"})
"""Methods of a model that return the model."""
ASIDE: Final = frozenset({"save_pretrained", "push_to_hub", "requires_grad_"})
"""Calls that say what becomes of a model, and nothing of how it is trained."""
_WRAPPER: Final = pattern(r"PeftModel(?:For\w+)?")
_LIBRARIES: Final = frozenset(
    {
        *("torch", "peft", "trl", "transformers", "unsloth", "unsloth_zoo", "bitsandbytes"),
        *("accelerate", "modelscope", "swift", "optimum", "diffusers", "datasets"),
        *("sentence_transformers",),
        *("auto_gptq", "gptqmodel", "awq", "torchao", "xtuner", "mmengine", "mindnlp"),
        *("axolotl", "llamafactory", "openmind", "adapters", "nemo"),
    }
)
_OTHERS: Final = frozenset({"ludwig", "mlx_tune", "paddlenlp", "paddleformers"})
"""Libraries with classes of their own under the names of others' (``ludwig.schema.llms.peft``)."""
_OWN_CLASSES: Final[dict[str, str]] = {"swift": "TrainingArguments", "adapters": "Config"}
"""How names end that a library gives to classes of its own, with fields that others' have not."""
_QUANTISES: Final = frozenset({"ipex_llm", "bigdl"})
"""Libraries that read a quantiser of transformers, and prepare the model, in their own way."""
_QUANTISED: Final = frozenset({"BitsAndBytesConfig", "prepare_model_for_kbit_training"})
_LOADER: Final = pattern(r"Auto(?:PeftModel|Model)\w*|Fast\w*Model")
_KNOWN_TRAINER: Final = pattern(
    r"(?:SFT|DPO|GRPO|KTO|Reward|RLOO|ORPO|CPO|PPO|Seq2Seq)?Trainer|DataCollator\w+"
)


def is_of_library(module: str) -> bool:
    """Whether a module is one of a library's, or of a copy of it in the project."""
    parts = module.split(".")
    return parts[0] not in _OTHERS and bool(set(parts) & _LIBRARIES)


def is_loader(name: str) -> bool:
    """Whether a class is one of those that load a model, by its name."""
    return _LOADER.fullmatch(name) is not None


def canonical(name: str) -> str:
    """Return what a call is known by: making a ``PeftModel`` is what ``get_peft_model`` does."""
    return "get_peft_model" if _WRAPPER.fullmatch(name) else name


@lru_cache(KEPT)
def kept(name: str) -> str:
    """Say how calls of a name are kept: ``inline``, ``recorded``, or not at all (empty)."""
    if INLINE.fullmatch(name):
        return "inline"
    return "recorded" if RECORDED.fullmatch(name) else ""


def own_modules(node: ast.ImportFrom) -> set[str]:
    """Return what an import takes from elsewhere and what may be a module with classes in it."""
    if node.level == 0 and is_of_library(node.module or ""):
        return set()
    return {name for alias in node.names if (name := alias.asname or alias.name).islower()}


def own_names(node: ast.ImportFrom) -> set[str]:
    """Return what an import takes from the project itself under the name of a library's class.

    A trainer with a name of its own stays: it is built on the library's.
    """
    module = node.module or ""
    top = module.partition(".")[0]
    if node.level == 0 and top in _QUANTISES:
        return set(_QUANTISED)
    if node.level == 0 and is_of_library(module):
        own = _OWN_CLASSES.get(top)
        return {n.asname or n.name for n in node.names if own and n.name.endswith(own)}
    return {alias.asname or alias.name for alias in node.names if _is_taken(alias.name)}


def _is_taken(name: str) -> bool:
    if is_loader(name):
        return True
    known = _KNOWN_TRAINER.fullmatch(name) or not name.endswith("Trainer")
    return bool(RECORDED.fullmatch(name) and known)
