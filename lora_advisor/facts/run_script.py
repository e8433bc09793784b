"""Facts of what a training script calls, and leaves uncalled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import argument, calls, in_script, item, takes_unread, value
from lora_advisor.facts._script import in_branch
from lora_advisor.facts._written import key_at, value_at
from lora_advisor.facts.model_modules import checkpoint_quantiser
from lora_advisor.models.stored import named_format
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.source.scalars import is_unknown
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from lora_advisor.gpus import Gpu
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Lora, Model, Quant, Recipe, Run, Train, WrittenKey
    from lora_advisor.targets import Targets

_TRAINERS: Final = ("Trainer", "Seq2SeqTrainer")
_ANY_TRAINER: Final = (*_TRAINERS, "SFTTrainer", "DPOTrainer", "KTOTrainer", "RewardTrainer")
_OWN_METRICS: Final = pattern(
    r"(eval_)?(loss|runtime|samples_per_second|steps_per_second|epoch|.*_loss)"
)
_KEEPS: Final = pattern(
    r"save_(model|pretrained|state|lora|adapter|peft)|push_to_hub|merge_and_unload|\bstate_dict\b"
    r"|TrainerCallback|save_to_|torch\.save"
)
_PREPARES: Final = pattern(
    r"enable_input_require_grads|prepare_model_for|gradient_checkpointing_enable"
    r"|make_inputs_require_grad|register_forward_hook|get_input_embeddings"
)
_LEAVE_INPUTS: Final = {
    "GRPOTrainer": {"trl": "<0.16"},
    "RewardTrainer": {"trl": "<0.22"},
    "SFTTrainer": {"trl": "<=0.7.4"},
}
"""Trainers of TRL, and the releases in which they ask for no gradient of the inputs."""
_COLAB_GPU: Final = pattern(r'"gpuType"\s*:\s*"(T4|V100|P100|K80)"')
_NEWER_GPU: Final = pattern(r"\b(?:A10G|A100|A6000|L40S?|[HB][12]00|RTX ?\d{4}|L4 GPU)\b")
_PLACES: Final = {"[0]": "response_template"}
_MODEL: Final = pattern(r"\w*(For[A-Z]\w+|Model|LMHeadModel)")
_HEADLESS: Final = pattern(r"\w*(?:Transformer|UNet)(?:\dD)?\w*Model|\w*For\w*Classification")
_BARE: Final = pattern(
    r"AutoModel|(?:GPT2|GPTNeo|GPTJ|OPT|Llama|Mistral|Qwen2|Qwen3|Gemma|Gemma2|Phi|Phi3)Model"
)
"""Classes of transformers that load a language model without its output head."""
_OPTION: Final = pattern(r"\w*(?i:args?|opts?|flags|options)\.\w+")
_WRITES: Final = pattern(r"AutoModelFor(CausalLM|Seq2SeqLM|Vision2Seq|ImageTextToText)\b")
_ADAPTER: Final = pattern(r"peft|lora|adapter", re.IGNORECASE)
_COMPLETION: Final = "DataCollatorForCompletionOnlyLM"


def _stands(recipe: Recipe, *names: str) -> WrittenKey | None:
    """Return a call whose arguments can all be read, None for any other."""
    found = [call for call in calls(recipe, *names) if not takes_unread(recipe, call.name)]
    return found[0] if found else None


def metric_never_computed(recipe: Recipe, train: Train) -> bool:
    """Whether the metric that picks the best checkpoint is one that nothing computes."""
    trainer = _stands(recipe, *_TRAINERS)
    metric = train.metric_for_best_model
    if trainer is None or metric is None or "compute_metrics" in recipe.document.text:
        return False
    return _OWN_METRICS.fullmatch(metric) is None


def evaluates_without_data(recipe: Recipe, train: Train) -> bool:
    """Whether a script asks for evaluations and gives its trainer nothing to evaluate on."""
    trainer = _stands(recipe, *_ANY_TRAINER)
    if trainer is None or train.eval_strategy not in ("steps", "epoch"):
        return False
    given = argument(recipe, trainer.name, "eval_dataset")
    return given is None and argument(recipe, trainer.name, "[3]") is None


def saves_nothing(recipe: Recipe, run: Run) -> bool:
    """Whether a script trains and nothing in it writes the adapter down."""
    trains = any(call.endswith("Trainer") for call in run.calls)
    return in_script(recipe) and trains and _KEEPS.search(recipe.document.text) is None


def lacks_input_gradients(
    recipe: Recipe, lora: Lora, run: Run, train: Train, targets: Targets
) -> bool:
    """Whether the blocks of a PEFT model are recomputed from inputs without a gradient.

    transformers before 5 recomputes the reentrant way and asks for such gradients only where it
    made the adapter itself. Source: ``PreTrainedModel.gradient_checkpointing_enable``, 4.56.
    """
    if (
        not in_script(recipe)
        or (train.gradient_checkpointing_kwargs or {}).get("use_reentrant") is False
    ):
        return False
    names = lora.target_modules
    listed = [*(names if isinstance(names, list) else []), *(lora.modules_to_save or [])]
    embedded = {"embed_tokens", "wte", "word_embeddings"} & set(listed)
    prepared = _PREPARES.search(recipe.document.text) is not None
    return _leaves_inputs_alone(recipe, run, targets) and not embedded and not prepared


def _leaves_inputs_alone(recipe: Recipe, run: Run, targets: Targets) -> bool:
    """Whether an adapted model goes to a trainer that does not ask for gradients of its inputs."""
    wraps = bool({"get_peft_model", "PeftModel.from_pretrained"} & set(run.calls))
    own = [call for call in run.calls if call.endswith("Trainer") and call not in _TRAINERS]
    adapts = wraps or any(argument(recipe, call, "peft_config") is not None for call in own)
    idle = (call in _LEAVE_INPUTS and targets.surely_hold(_LEAVE_INPUTS[call]) for call in own)
    return adapts and all(idle)


def lacks_label_names(recipe: Recipe, lora: Lora, run: Run) -> bool:
    """Whether a trainer finds no labels in the forward of a PEFT model that has no task type.

    Source: ``transformers.utils.find_labels``, asked of the wrapper until 4.55.
    """
    wraps = "get_peft_model" in run.calls and _stands(recipe, *_TRAINERS) is not None
    return wraps and lora.task_type is None and not recipe["train.label_names"].written


def prepares_unquantised(
    recipe: Recipe, quant: Quant, model: Model, modules: Lookup
) -> tuple[Item, ...]:
    """Calls that prepare a model for k-bit training which is loaded unquantised."""
    if quant.load_in_4bit or quant.load_in_8bit or quant.method is not None:
        return ()
    if _names_quantiser(recipe) or _is_stored_quantised(recipe, model, modules):
        return ()
    found = calls(recipe, "prepare_model_for_kbit_training")
    return tuple(item(call) for call in found if not in_branch(recipe, call.key_at.span.start))


def _names_quantiser(recipe: Recipe) -> bool:
    """Whether a script makes a quantiser anywhere, for this load or for another branch's."""
    roots = (root for root in recipe.document.roots if isinstance(root, Mapping))
    return any("BitsAndBytesConfig" in root for root in roots)


def _is_stored_quantised(recipe: Recipe, model: Model, modules: Lookup) -> bool:
    """Whether the checkpoint's name, or its config where one is at hand, tells of a quantiser."""
    if named_format(model.name_or_path):
        return True
    try:
        return checkpoint_quantiser(recipe, modules) is not None
    except UnknownValueError:
        return False


def bits_unset(recipe: Recipe, quant: Quant) -> tuple[Item, ...]:
    """A ``BitsAndBytesConfig`` that switches on neither 4 nor 8 bits."""
    call = _stands(recipe, "BitsAndBytesConfig")
    if call is None or quant.load_in_4bit or quant.load_in_8bit:
        return ()
    return (item(call),)


def exllama_switches(recipe: Recipe) -> tuple[Item, ...]:
    """The old name of the switch of GPTQ's exllama kernels."""
    key = argument(recipe, "GPTQConfig", "disable_exllama")
    return (item(key),) if key is not None else ()


def exllama_kept(recipe: Recipe, run: Run, lora: Lora) -> tuple[Item, ...]:
    """A GPTQ config of a training that leaves the exllama kernels on, or a base without one."""
    if recipe.framework == "axolotl":
        return _exllama_kept_by_axolotl(recipe)
    trains = any(name.endswith(("Trainer", "get_peft_model")) for name in run.calls)
    if not trains or not lora.enabled:
        return ()
    call = _stands(recipe, "GPTQConfig")
    if call is None:
        return _exllama_kept_by_checkpoint(recipe)
    if argument(recipe, "GPTQConfig", "disable_exllama") is not None:
        return ()
    switch = argument(recipe, "GPTQConfig", "use_exllama")
    on = switch is None or value(recipe, switch) is True
    return (item(switch or call),) if on else ()


def _exllama_kept_by_checkpoint(recipe: Recipe) -> tuple[Item, ...]:
    """The name of a base in GPTQ's format that is loaded as it is, with the kernels of inference.

    A script that speaks of exllama anywhere else may have switched them off by its own means.
    """
    named = argument(recipe, "from_pretrained", "pretrained_model_name_or_path")
    given = argument(recipe, "from_pretrained", "quantization_config")
    if named is None or given is not None or "exllama" in recipe.document.text:
        return ()
    return (item(named),) if named_format(str(value(recipe, named))) == "gptq" else ()


def _exllama_kept_by_axolotl(recipe: Recipe) -> tuple[Item, ...]:
    """The switch of GPTQ's exllama kernels that leaves them on, else ``gptq`` without it."""
    asked = key_at(recipe, "gptq")
    if asked is None or value_at(recipe, "gptq") is not True:
        return ()
    off = value_at(recipe, "gptq_disable_exllama") is True
    return () if off else (item(key_at(recipe, "gptq_disable_exllama") or asked),)


def loose_templates(recipe: Recipe) -> tuple[Item, ...]:
    """Response templates given as text that begins or ends with white space."""
    found = []
    for name in ("response_template", "instruction_template", "[0]"):
        key = argument(recipe, _COMPLETION, name)
        node = key.node if key is not None else None
        if key is not None and isinstance(node, Scalar) and not is_unknown(node):
            text = str(value(recipe, key))
            path = f"{_COMPLETION}.{_PLACES.get(name, name)}"
            loose = Item(path=path, at=key.key_at, value=text)
            found += [loose] if text != text.strip() else []
    return tuple(found)


def old_gpu(recipe: Recipe, gpu: Gpu | None) -> str:
    """Return the GPU without bf16 that is trained on, empty if none is known.

    It is stated, or a notebook of Colab asks for it and speaks of no newer one.
    """
    if gpu is not None:
        return gpu.name if gpu.bfloat16 is False else ""
    text = recipe.document.text if recipe.document.path.endswith("ipynb") else ""
    named = _COLAB_GPU.search(text)
    return named.group(1) if named is not None and _NEWER_GPU.search(text) is None else ""


def speaks_of_no_adapter(recipe: Recipe, run: Run) -> bool:
    """Whether a script loads a model and sets up its training, and names no adapter anywhere."""
    loads = any(call.endswith(".from_pretrained") for call in run.calls)
    sets_up = next(calls(recipe, "TrainingArguments"), None) is not None
    return loads and sets_up and _ADAPTER.search(recipe.document.text) is None


def misplaced_task(recipe: Recipe) -> tuple[Item, ...]:
    """A task type that is handed to ``LoraConfig`` by its place instead of its name."""
    key = argument(recipe, "LoraConfig", "[0]")
    return (Item(path="LoraConfig.task_type", at=key.key_at),) if key is not None else ()


def model_class(run: Run, recipe: Recipe) -> str:
    """Return the class that a script loads its one base with (``AutoModelForCausalLM``)."""
    loads = [call.partition(".")[0] for call in run.calls if call.endswith(".from_pretrained")]
    if any(name[:1].islower() and name.endswith("_class") for name in loads):
        return ""  # a class that is chosen while it runs
    models = {name for name in loads if _MODEL.fullmatch(name) and not name.startswith("Peft")}
    if _WRITES.search(recipe.document.text) and not any(_WRITES.search(name) for name in models):
        return ""  # a model that writes is loaded by another name
    return models.pop() if len(models) == 1 else ""


def loads_headless(run: Run, recipe: Recipe) -> bool:
    """Whether a script loads its base without an output head, by a class of transformers' own."""
    bare = _BARE.fullmatch(model_class(run, recipe)) is not None
    return bare and "trust_remote" not in recipe.document.text


def headless(recipe: Recipe) -> bool:
    """Whether a script loads a model that writes no text and has no output head."""
    made = recipe["run.calls"].value if in_script(recipe) else None
    names = [str(call).partition(".")[0] for call in made] if isinstance(made, list) else []
    return any(_HEADLESS.fullmatch(name) for name in names)


def model_is_option(recipe: Recipe) -> bool:
    """Whether a script's base model is the default of an option, which a user may well give."""
    at = recipe["model.name_or_path"].value_at
    if at is None or recipe.document.format != "python":
        return False
    return _OPTION.fullmatch(at.document.text[at.span.start : at.span.end]) is not None


def grows_after_adapter(run: Run, lora: Lora) -> bool:
    """Whether a script grows the embeddings once the adapter is in, and saves none of them."""
    order = [c for c in run.calls if c in ("get_peft_model", "resize_token_embeddings")]
    grown = order == ["get_peft_model", "resize_token_embeddings"]
    return grown and not lora.modules_to_save and lora.trainable_token_indices is None
