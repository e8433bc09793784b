"""The config's own optimizer and schedule, made by transformers and PEFT."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from lora_advisor.calibrate.refusals import RefusalError

if TYPE_CHECKING:
    import torch

    from lora_advisor.calibrate.setup import Training


def is_adamw(name: str) -> bool:
    """Whether the optimizer is AdamW in some packing (fused, 8-bit, paged)."""
    return "adamw" in name and not name.startswith(("galore", "apollo", "schedule_free", "stable"))


def optimizer(
    model: torch.nn.Module, training: Training, learning_rate: float, device: str
) -> torch.optim.Optimizer:
    """Make the optimizer over what the adapter trains.

    Off a GPU every packing of AdamW is plain AdamW: the others save memory, not steps.
    """
    import torch

    kind: Any
    arguments: dict[str, Any]
    if is_adamw(training.optimizer) and not device.startswith("cuda"):
        kind, arguments = torch.optim.AdamW, _adam(training)
    else:
        kind, arguments = _named(model, training, learning_rate)
    arguments = {**arguments, "lr": learning_rate, "weight_decay": training.weight_decay}
    if training.loraplus_ratio:
        return _loraplus(model, kind, arguments, training.loraplus_ratio)
    made: torch.optim.Optimizer = kind(_trained(model), **arguments)
    return made


def schedule(made: torch.optim.Optimizer, training: Training, steps: int) -> Any:
    """Make the config's schedule over the steps, with the same share of warm-up."""
    from transformers import get_scheduler

    return get_scheduler(
        training.schedule,
        made,
        num_warmup_steps=round(training.warmup * steps),
        num_training_steps=steps,
        scheduler_specific_kwargs=dict(training.schedule_arguments) or None,
    )


def _trained(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _adam(training: Training) -> dict[str, Any]:
    given = training.optimizer_arguments
    return {
        "betas": (given.get("adam_beta1", 0.9), given.get("adam_beta2", 0.999)),
        "eps": given.get("adam_epsilon", 1e-8),
    }


def _named(model: Any, training: Training, learning_rate: float) -> tuple[Any, dict[str, Any]]:
    from transformers import Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        try:
            arguments = TrainingArguments(
                output_dir=folder,
                optim=training.optimizer,
                learning_rate=learning_rate,
                report_to=[],
                **training.optimizer_arguments,
            )
            kind, given = Trainer.get_optimizer_cls_and_kwargs(arguments, model)
        except (ValueError, ImportError) as error:
            detail = f"optimizer {training.optimizer!r} cannot be made here: {error}"
            raise RefusalError("unsupported", detail) from None
    return kind, dict(given)


def _loraplus(model: Any, kind: Any, arguments: dict[str, Any], ratio: float) -> Any:
    from peft.optimizers import create_loraplus_optimizer

    return create_loraplus_optimizer(
        model, optimizer_cls=kind, loraplus_lr_ratio=ratio, **arguments
    )
