"""The canonical recipe: what a fine-tuning config says, whatever format it is written in.

The vocabulary is that of PEFT ``LoraConfig``, transformers ``TrainingArguments`` and
``BitsAndBytesConfig``. A group is a class whose annotations name its fields and their types; a
recipe holds one :class:`Value` for each of them. ``| None`` marks a field for which "not set" means
something to the library; any other field that is not set is unknown to whoever derives facts.
"""

from __future__ import annotations

import enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.source.tree import Document, Node, Scalar, Span


class Lora:
    """The adapter: PEFT ``LoraConfig``, and whether one is made at all."""

    enabled: bool  # the framework's own switch: an adapter is trained
    peft_type: str
    r: int
    lora_alpha: float
    lora_dropout: float
    target_modules: list[str] | str | None
    exclude_modules: list[str] | str | None
    target_parameters: list[str] | None
    modules_to_save: list[str] | None
    layers_to_transform: list[int] | int | None
    layers_pattern: list[str] | str | None
    layer_replication: list[Any] | None
    rank_pattern: dict[str, int] | None
    alpha_pattern: dict[str, float] | None
    bias: str | None
    lora_bias: bool
    fan_in_fan_out: bool
    use_rslora: bool
    use_dora: bool
    use_qalora: bool
    qalora_group_size: int
    init_lora_weights: bool | str | None
    loftq_config: dict[str, Any] | None
    eva_config: dict[str, Any] | None
    corda_config: dict[str, Any] | None
    lora_ga_config: dict[str, Any] | None
    kasa_config: dict[str, Any] | None
    velora_config: dict[str, Any] | None
    monteclora_config: dict[str, Any] | None
    arrow_config: dict[str, Any] | None
    use_bdlora: dict[str, Any] | None
    alora_invocation_tokens: list[int] | None
    megatron_config: dict[str, Any] | None
    trainable_token_indices: list[int] | dict[str, list[int]] | None
    ensure_weight_tying: bool
    inference_mode: bool
    task_type: str | None
    loraplus_lr_ratio: float | None
    loraplus_lr_embedding: float | None


class Train:
    """The run: transformers ``TrainingArguments`` and what the TRL configs add to them."""

    method: str  # sft, pretrain, dpo, orpo, simpo, ipo, kto, grpo, rloo, ppo, reward
    enabled: bool  # the file starts a training (not inference, export or evaluation)
    learning_rate: float
    weight_decay: float
    per_device_train_batch_size: int
    per_device_eval_batch_size: int
    gradient_accumulation_steps: int
    total_batch_size: int | None  # all devices and accumulated steps together, where stated
    num_train_epochs: float
    max_steps: int
    warmup_steps: float | None
    warmup_ratio: float | None
    lr_scheduler_type: str
    lr_scheduler_kwargs: dict[str, Any] | None
    optim: str
    adam_beta1: float
    adam_beta2: float
    max_grad_norm: float | None
    fp16: bool
    bf16: bool
    tf32: bool
    gradient_checkpointing: bool
    activation_checkpointing: bool  # transformers' newer name of the same switch
    gradient_checkpointing_kwargs: dict[str, Any] | None
    eval_strategy: str
    eval_steps: float | None
    save_strategy: str
    save_steps: float
    save_total_limit: int | None
    save_only_model: bool
    load_best_model_at_end: bool
    metric_for_best_model: str | None
    greater_is_better: bool | None
    logging_steps: float
    report_to: list[str] | str | None
    seed: int
    neftune_noise_alpha: float | None
    group_by_length: bool
    auto_find_batch_size: bool
    dataloader_num_workers: int
    dataloader_prefetch_factor: int | None
    ddp_find_unused_parameters: bool | None
    torch_compile: bool
    label_smoothing_factor: float
    label_names: list[str] | None
    use_liger_kernel: bool
    resume_from_checkpoint: bool | str | None
    accelerator_config: dict[str, Any] | None
    beta: float
    loss_type: list[str] | str | None
    sync_ref_model: bool
    ref_model: str | None
    num_generations: int
    generation_batch_size: int | None
    steps_per_generation: int | None
    use_vllm: bool
    computes_metrics: bool  # the trainer is given a function that wants the outputs


class Quant:
    """How the frozen base is loaded: ``BitsAndBytesConfig`` and other quantisers."""

    method: str | None  # bitsandbytes, gptq, awq, hqq, eetq, … ; None: not quantised on loading
    load_in_4bit: bool
    load_in_8bit: bool
    bits: int | None  # where a format states a bit width instead of the two switches
    bnb_4bit_quant_type: str
    bnb_4bit_compute_dtype: str | None
    bnb_4bit_use_double_quant: bool
    bnb_4bit_quant_storage: str | None
    llm_int8_threshold: float
    llm_int8_skip_modules: list[str] | None


class Model:
    """The base model and how it is loaded."""

    name_or_path: str
    type: str | None  # transformers' model_type
    dtype: str | None
    attn_implementation: str | None
    device_map: str | int | dict[str, Any] | None
    trust_remote_code: bool
    use_cache: bool
    num_labels: int | None
    adapter: list[str] | str | None  # an adapter that is loaded first and trained on
    unsloth: bool
    adapter_trainable: bool  # the adapter loaded first is loaded for training
    auto_class: str | None  # the class that loads it (AutoModelForCausalLM)


class Data:
    """What is trained on, and how it is cut."""

    max_length: int | None
    packing: bool
    packing_strategy: str | None
    eval_packing: bool | None
    padding_free: bool
    pad_to_max_length: bool
    completion_only_loss: bool | None
    assistant_only_loss: bool
    train_on_inputs: bool
    streaming: bool
    eval_split: float | None  # share (below 1) or number of examples held out
    eval_dataset: str | None
    new_tokens: list[str] | None
    special_tokens: dict[str, str] | None
    pad_token: str | None
    pad_is_eos: bool  # the padding token is set to the end-of-text token
    collator: str | None  # class of the data collator
    eos_token: str | None
    template: str | None
    resize_vocab: bool


class Run:
    """The launch: processes, sharding, and where an adapter will be served."""

    num_processes: int
    num_machines: int
    visible_gpus: int  # GPUs that the one process of a plain start is let see
    starts: list[str]  # files that a launching command names: a script, a config
    mixed_precision: str | None
    deepspeed: str | dict[str, Any] | None
    zero_stage: int | None
    fsdp: bool
    fsdp_version: int | None
    fsdp_config: dict[str, Any] | None
    offload: bool  # parameters are offloaded to the CPU (ZeRO-3 or FSDP)
    accumulation: int | None  # accumulation stated a second time, by the launcher's own file
    micro_batch: int | None  # the same for the batch of a device
    output_dir: str
    server: str | None  # the program that will serve the adapter (vllm)
    serves_lora: bool
    serve_max_rank: int
    serve_targets: list[str] | None
    serve_tower: bool  # the server applies adapters to image and audio towers, too
    serve_adapters: list[str]
    trainer_arguments: list[str]  # names of what a script gives to its trainer
    merges_packed: bool  # a script merges an adapter into a base that it loads quantised
    calls: list[str]  # a script's calls in the order they stand (get_peft_model, …)


GROUPS: dict[str, type] = {
    "lora": Lora,
    "train": Train,
    "quant": Quant,
    "model": Model,
    "data": Data,
    "run": Run,
}
FIELDS: dict[str, str] = {
    f"{group}.{field}": annotation
    for group, vocabulary in GROUPS.items()
    for field, annotation in vocabulary.__annotations__.items()
}
"""Canonical field (``lora.r``) to its type as written above (``int``)."""


class Origin(enum.Enum):
    """Where a value comes from."""

    WRITTEN = "written"
    FRAMEWORK = "framework default"
    LIBRARY = "library default"
    UNKNOWN = "unknown"


class Unknown(enum.Enum):
    """The value nobody can know from the files at hand."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class UnknownValueError(Exception):
    """A fact was asked of a value that is unknown; the message says why it is."""


@record
class Location:
    """A span in a document: where a key or value is written."""

    document: Document
    span: Span


@record
class Value:
    """One field of a recipe.

    ``key`` is the dotted path as the user's format spells it, also where a default is meant.
    ``fits`` is false when the framework would hand the library a value of another type than the
    field has (``"2e-4"`` as text): such a value is shown, and no fact is derived from it.
    """

    value: object
    origin: Origin
    key: str
    key_at: Location | None = None
    value_at: Location | None = None
    fits: bool = True
    why: str = ""

    @property
    def written(self) -> bool:
        """Whether the user wrote it (an unresolvable ``${VAR}`` is written, too)."""
        return self.key_at is not None


@record
class WrittenKey:
    """One key of the file, known to the framework or not.

    ``path`` is dotted, list items as ``datasets[0].type``; ``key`` is its last part as it stands in
    the document, ``node`` its value; ``field`` is the canonical field it feeds, if any.
    """

    path: str
    key: Scalar
    node: Node
    document: Document
    field: str | None = None

    @property
    def name(self) -> str:
        """The key without what it stands below."""
        return self.key.text

    @property
    def key_at(self) -> Location:
        """Where the key stands."""
        return Location(document=self.document, span=self.key.span)

    @property
    def value_at(self) -> Location:
        """Where its value stands."""
        return Location(document=self.document, span=self.node.span)


@record
class Recipe:
    """What one config says: a value for every field of the vocabulary."""

    framework: str
    evidence: str
    document: Document
    values: Mapping[str, Value]
    keys: tuple[WrittenKey, ...]

    def __getitem__(self, field: str) -> Value:
        """Return the value of a canonical field such as ``lora.r``."""
        return self.values[field]

    @cached_property
    def first_keys(self) -> Mapping[str, WrittenKey]:
        """The keys of the file by their paths, of a path written twice the first."""
        return {key.path: key for key in reversed(self.keys)}

    @cached_property
    def first_names(self) -> Mapping[str, WrittenKey]:
        """The keys of the file by their last names, in whatever section; of several the first."""
        return {key.name: key for key in reversed(self.keys)}


@record
class Item:
    """One member of a list fact that a rule reports one by one (``each:``).

    ``path`` and ``at`` say which key of the file it is about; ``value_at`` the value, if another
    place shows better what is wrong; ``hint`` what else the message names.
    """

    path: str
    at: Location
    value: object = None
    hint: str = ""
