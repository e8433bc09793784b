"""What is seen of a run, a trainer or its arguments; the rest is in ``observations.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.proofs import runs, stage

if TYPE_CHECKING:
    import transformers


def peak_missed(run: runs.Run) -> bool:
    """The learning rate stays below nine tenths of the stated one in every step."""
    return max(run.rates) < 0.9 * run.trainer.args.learning_rate


def full_rate_at_once(run: runs.Run) -> bool:
    """The first step is taken at the full learning rate."""
    return run.rates[0] >= run.trainer.args.learning_rate


def warmed_up_for_one_step(run: runs.Run) -> bool:
    """The second step already has the full learning rate."""
    return run.rates[1] >= run.trainer.args.learning_rate


def nothing_learnt(run: runs.Run) -> bool:
    """The training ends without having changed a parameter."""
    return not runs.changed(run)


def epochs_cut_short(run: runs.Run) -> bool:
    """The run ends before the stated number of epochs."""
    return bool((run.trainer.state.epoch or 0) < run.trainer.args.num_train_epochs)


def nothing_evaluated(run: runs.Run) -> bool:
    """Not one evaluation took place."""
    return not any("eval_loss" in entry for entry in run.trainer.state.log_history)


def nothing_saved(run: runs.Run) -> bool:
    """No checkpoint was written."""
    return not any(name.startswith("checkpoint-") for name in run.saved)


def magnitude_decayed(run: runs.Run) -> bool:
    """Weight decay shrinks DoRA's magnitude vectors."""
    names = run.trainer.get_decay_parameter_names(run.trainer.model)
    return run.trainer.args.weight_decay > 0 and any("magnitude" in name for name in names)


def token_rows_decayed(run: runs.Run) -> bool:
    """Weight decay shrinks the rows of trained tokens."""
    names = run.trainer.get_decay_parameter_names(run.trainer.model)
    return run.trainer.args.weight_decay > 0 and any("trainable_tokens" in name for name in names)


def weights_grow(run: runs.Run) -> bool:
    """The optimizer applies a negative weight decay."""
    assert run.trainer.optimizer is not None
    return any(group["weight_decay"] < 0 for group in run.trainer.optimizer.param_groups)


def batches_accumulated(run: runs.Run) -> bool:
    """One step takes more than one batch."""
    batches = runs.ROWS // run.trainer.args.per_device_train_batch_size
    return run.trainer.state.global_step < batches * run.trainer.args.num_train_epochs


def larger_metric_kept(arguments: transformers.TrainingArguments) -> bool:
    """The checkpoint with the largest value of the metric counts as the best."""
    return bool(arguments.greater_is_better)


def checkpointing_off(arguments: transformers.TrainingArguments) -> bool:
    """No activations are recomputed."""
    return not arguments.gradient_checkpointing


def unsharded(arguments: transformers.TrainingArguments) -> bool:
    """FSDP's settings are not taken up."""
    return arguments.fsdp_plugin_args is None


def gradient_is_zero(trainer: Any) -> bool:
    """The step that was trained had no gradient at all."""
    norms = [entry["grad_norm"] for entry in trainer.state.log_history if "grad_norm" in entry]
    return bool(norms) and not any(norms)


def padding_kept(trainer: Any) -> bool:
    """The trainer pads although it was told not to."""
    return bool(trainer.args.padding_free and not trainer.padding_free)


def no_adapter_dropout(trainer: Any) -> bool:
    """Every dropout of the trained model is 0."""
    return all(getattr(module, "p", 0) == 0 for module in trainer.model.modules())


def saved_under_two_wrappers(played: stage.Played) -> bool:
    """Whether an adapter was saved whose names begin with two wrappers, which fits no base."""
    return any(
        "base_model.model.base_model" in name for names in played.saved.values() for name in names
    )


def prompt_in_labels(played: stage.Played) -> bool:
    """Whether no label of a batch is hidden from the loss."""
    return bool((played.scope["batch"]["labels"] != -100).all())


def empty_adapter_saved(played: stage.Played) -> bool:
    """Whether what was saved as merged holds no tensor."""
    return played.saved["merged"] == []


def adapter_at_zero(model: Any) -> bool:
    """Whether every B of the adapter is zero: it changes nothing of what the base says."""
    return all(not part.any() for name, part in model.named_parameters() if "lora_B" in name)


def base_saved_with_adapter(played: stage.Played) -> bool:
    """Whether the weights of a base were saved, under the names they have inside an adapter."""
    return any("base_layer" in name for name in played.saved["final"])
