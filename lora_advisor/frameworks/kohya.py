"""kohya's sd-scripts (``train_network.py --config_file x.toml``): image LoRA in TOML or flags.

The sections of the TOML are flattened away, their names mean nothing; keys nobody asks for stay
unused. The JSON of the GUI kohya_ss holds the same settings, numbers often as text. Read in
sd-scripts of February 2026: ``train_network.py``, ``library/train_util.py``, ``networks/lora.py``.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import put_precision
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import toml_value
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.recipe import Value
    from lora_advisor.source.tree import Document, Node

_OPTIMIZERS: Final = {
    "": "adamw_torch",
    "adamw": "adamw_torch",
    "adamw8bit": "adamw_8bit",
    "pagedadamw": "paged_adamw_32bit",
    "pagedadamw32bit": "paged_adamw_32bit",
    "pagedadamw8bit": "paged_adamw_8bit",
    "lion8bit": "lion_8bit",
    "adafactor": "adafactor",
}
_GUI_KINDS: Final = frozenset({"Standard", "Kohya LoCon", "Flux1", "LoRA-FA"})


def _blank(value: object) -> object:
    """Read the GUI's empty text as a setting that is left out."""
    return None if value == "" else value


def _optimizer(value: object) -> object:
    name = str(value).lower()
    return _OPTIMIZERS.get(name, name) if isinstance(value, str) else value


def _module(value: object) -> object:
    """Read ``network_module``: ``networks.lora`` and its like train LoRA, LyCORIS by arguments."""
    name = str(value).rpartition(".")[2]
    return True if name.startswith("lora") else UNKNOWN


def _kind(value: object) -> object:
    return str(value) in _GUI_KINDS


_NAMES: Final[dict[str, str | Key]] = {
    "network_module": Key(field="lora.enabled", read=_module),
    "LoRA_type": Key(field="lora.enabled", read=_kind),
    "network_dim": Key(field="lora.r", read=_blank),
    "network_alpha": Key(field="lora.lora_alpha", read=_blank),
    "network_dropout": Key(field="lora.lora_dropout", read=_blank),
    "unet_lr": Key(field="train.learning_rate", read=_blank),
    "learning_rate": Key(field="train.learning_rate", read=_blank),
    "train_batch_size": "train.per_device_train_batch_size",
    "gradient_accumulation_steps": "train.gradient_accumulation_steps",
    "max_train_steps": Key(field="train.max_steps", read=_blank),
    "max_train_epochs": Key(field="train.num_train_epochs", read=_blank),
    "lr_scheduler": "train.lr_scheduler_type",
    "lr_warmup_steps": "train.warmup_steps",
    "optimizer_type": Key(field="train.optim", read=_optimizer),
    "optimizer": Key(field="train.optim", read=_optimizer),
    "use_lion_optimizer": Key(field="train.optim", read=lambda on: "lion" if on else UNKNOWN),
    "max_grad_norm": Key(field="train.max_grad_norm", read=_blank),
    "gradient_checkpointing": "train.gradient_checkpointing",
    "seed": Key(field="train.seed", read=_blank),
    "mixed_precision": "run.mixed_precision",
    "pretrained_model_name_or_path": "model.name_or_path",
    "output_dir": "run.output_dir",
}


class _Flattened(AnyMapping[str, "str | Key"]):
    """The names above under any section or none, as the loader flattens them."""

    def __getitem__(self, path: str) -> str | Key:
        if path.count(".") > 1:
            raise KeyError(path)
        return _NAMES[path.rpartition(".")[2]]

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


_DEFAULTS: Final[dict[str, object]] = {
    "lora.peft_type": "LORA",
    "lora.r": 4,
    "lora.lora_alpha": 1.0,
    "lora.lora_dropout": None,
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "train.enabled": True,
    "train.learning_rate": 2e-6,
    "train.per_device_train_batch_size": 1,
    "train.gradient_accumulation_steps": 1,
    "train.max_steps": 1600,
    "train.num_train_epochs": UNKNOWN,
    "train.lr_scheduler_type": "constant",
    "train.warmup_steps": 0,
    "train.warmup_ratio": None,
    "train.optim": "adamw_torch",
    "train.max_grad_norm": 1.0,
    "train.gradient_checkpointing": False,
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
}


def _recognise(root: Node, document: Document) -> str:
    if document.format not in ("toml", "json") or not isinstance(root, Mapping):
        return ""
    own = signs.one_of(root, "network_module", "network_dim", "LoRA_type")
    if own:
        return own
    for entry in root.entries:
        own = signs.one_of(entry.value, "network_module", "network_dim")
        if own:
            return f"{entry.key.text}.{own}"
    return ""


def named(draft: Draft, name: str) -> Value | None:
    """Return what is written under a name, in whatever section."""
    key = next((key for key in draft.keys if key.name == name), None)
    return draft.written(key.path) if key is not None else None


def _settle(draft: Draft) -> None:
    if draft.get("lora.enabled") is not True:
        for field in ("lora.r", "lora.lora_alpha", "lora.lora_dropout", "lora.peft_type"):
            draft.unknown(field, "LyCORIS reads these in its own way")
    _settle_alpha(draft)
    _settle_rate(draft)
    _settle_steps(draft)
    put_precision(draft)


def _settle_alpha(draft: Draft) -> None:
    """Take the rank for an alpha of 0. Source: ``networks.lora.LoRAModule.__init__``."""
    alpha = draft.values.get("lora.lora_alpha")
    if alpha is not None and alpha.value == 0:
        draft.put("lora.lora_alpha", draft.get("lora.r"), alpha)


def _settle_rate(draft: Draft) -> None:
    """Let ``unet_lr`` go before ``learning_rate``; at 0 the text encoder's rate is left."""
    for name in ("unet_lr", "learning_rate"):
        rate = named(draft, name)
        if rate is not None and rate.value not in ("", None):
            draft.put("train.learning_rate", rate.value or UNKNOWN, rate)
            return


def _settle_steps(draft: Draft) -> None:
    """Let ``max_train_epochs`` decide the length, which then depends on the images.

    The epochs of the GUI count only where it is given no steps.
    """
    epochs = draft.get("train.num_train_epochs")
    if isinstance(epochs, (int, float)) and epochs > 0:
        draft.unknown("train.max_steps", "max_train_epochs goes before it")
    elif (shown := named(draft, "epoch")) is not None:
        written = named(draft, "max_train_steps")
        steps = cast_to("int", written.value) if written is not None else None
        if isinstance(steps, int) and steps > 0:
            draft.put("train.num_train_epochs", cast_to("float", shown.value), shown)
        else:
            draft.unknown("train.max_steps", "the GUI counts it from the epochs and the images")


FRAMEWORKS: Final = (
    Framework(
        name="kohya",
        title="kohya sd-scripts",
        rank=230,
        recognise=_recognise,
        keys=_Flattened(),
        scalars=toml_value,
        casts=True,
        defaults=_DEFAULTS,
        finish=_settle,
        on_unknown="drops",
        schema=(("kohya", ("TrainNetwork",)),),
        package="kohya",
    ),
)
