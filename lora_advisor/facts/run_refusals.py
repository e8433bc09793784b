"""Facts of what a trainer's first lines refuse: arguments that do not go together.

Source: ``__init__`` of TRL's trainers in the releases 0.11 to 1.16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import argument, calls, takes_unread
from lora_advisor.facts._releases import may_reach
from lora_advisor.facts._script import text_of, written_as
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item
from lora_advisor.record import record
from lora_advisor.source.python_made import made_by
from lora_advisor.source.scalars import is_unknown, python_value
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Recipe, WrittenKey
    from lora_advisor.targets import Targets

_TRAINERS: Final = ("SFTTrainer", "DPOTrainer", "GRPOTrainer", "KTOTrainer", "RewardTrainer")
_OF_TRANSFORMERS: Final = ("Trainer", "Seq2SeqTrainer")
_WHOLE: Final = ("train_dataset", "eval_dataset")
_WRITES: Final = pattern(r"(?:ForCausalLM|LMHeadModel|ForConditionalGeneration)$")
_OPEN: Final = frozenset({"config", "**"})
"""Arguments of a loading that may give a model another number of outputs."""
_OWN_MASK: Final = frozenset({"bfd", "bfd_split", "bfd-requeue", "ffd"})
"""Ways to pack for which TRL's own collator keeps the rows apart."""


@record
class Refusal(Item):
    """An argument that a trainer refuses; ``says`` why, and what to write instead.

    ``sure`` says that every release of TRL in use refuses it.
    """

    says: str
    sure: bool = True


def trainer_refusals(recipe: Recipe, targets: Targets) -> tuple[Refusal, ...]:
    """Arguments that TRL's trainers refuse beside others."""
    found = []
    for since, key, says in _refusals(recipe):
        if may_reach("trl", since, targets):
            sure = since.startswith("0.1") or targets.surely_hold({"trl": f">={since}"})
            found.append(Refusal(path=key.path, at=key.key_at, says=says, sure=sure))
    return tuple(found)


def _refusals(recipe: Recipe) -> Iterator[tuple[str, WrittenKey, str]]:
    yield from _formatting(recipe)
    yield from _own_collator(recipe)
    yield from _same_reference(recipe)
    yield from _late_quantiser(recipe)
    yield from _unfit_reward(recipe)


_TOLD: Final = {
    "formatting": (
        "joins prompt and completion into one text, and `completion_only_loss=True` needs them "
        "apart: give the data the columns `prompt` and `completion`, and leave the function out"
    ),
    "collator": (
        "is refused where rows are packed or stand without padding, as TRL's own collator keeps "
        "them apart: leave it out, or set `packing=False`"
    ),
    "reference": (
        "is the very model that is trained, and refused: leave it out, as with an adapter the "
        "reference is the model with the adapter switched off"
    ),
    "reward": (
        "is no model with one output, as a reward model has to be: load it as "
        "`AutoModelForSequenceClassification` with `num_labels=1`"
    ),
    "quantiser": "comes too late, as the model is loaded already: give it to `from_pretrained`",
}


def _formatting(recipe: Recipe) -> Iterator[tuple[str, WrittenKey, str]]:
    """A function that makes one text of an example whose completion alone is to be learned."""
    key = _given(recipe, "SFTTrainer", "formatting_func")
    if key is not None and recipe["data.completion_only_loss"].value is True:
        yield "0.18", key, _TOLD["formatting"]


def _own_collator(recipe: Recipe) -> Iterator[tuple[str, WrittenKey, str]]:
    """A collator beside batches without padding, which only TRL's own collator makes."""
    key = _given(recipe, "SFTTrainer", "data_collator")
    packed = recipe["data.packing"].value is True
    strategy = recipe["data.packing_strategy"].value
    if key is None:
        return
    if recipe["data.padding_free"].value is True:
        yield "0.16", key, _TOLD["collator"]
    elif packed and strategy in _OWN_MASK:
        yield "0.19", key, _TOLD["collator"]


def _same_reference(recipe: Recipe) -> Iterator[tuple[str, WrittenKey, str]]:
    """The trained model given as its own reference."""
    for trainer in ("DPOTrainer", "KTOTrainer"):
        model = argument(recipe, trainer, "model")
        reference = argument(recipe, trainer, "ref_model")
        if model is None or reference is None:
            continue
        said = [written_as(recipe, node) for node in (model.node, reference.node)]
        if said[0] == said[1] and said[0].isidentifier() and said[0] != "None":
            yield "0.11", reference, _TOLD["reference"]


def _late_quantiser(recipe: Recipe) -> Iterator[tuple[str, WrittenKey, str]]:
    """A quantiser for a model that is loaded already."""
    for trainer in ("DPOTrainer", "KTOTrainer"):
        key = _given(recipe, trainer, "quantization_config")
        model = argument(recipe, trainer, "model")
        if key is not None and model is not None and made_by(model.node) is not None:
            yield "1.16", key, _TOLD["quantiser"]


def _unfit_reward(recipe: Recipe) -> Iterator[tuple[str, WrittenKey, str]]:
    """A model that writes text, or has several labels, given to the trainer of reward models."""
    key = argument(recipe, "RewardTrainer", "model")
    made = made_by(key.node) if key is not None else None
    if key is None or made is None or _OPEN.intersection(made.keys()):
        return
    of, labels = text_of(made.get("of")), made.get("num_labels")
    number = python_value(labels) if isinstance(labels, Scalar) and not is_unknown(labels) else 1
    writes = _WRITES.search(of) is not None
    if writes or (of.endswith("ForSequenceClassification") and number != 1):
        yield "0.29", key, _TOLD["reward"]


def _given(recipe: Recipe, call: str, name: str) -> WrittenKey | None:
    """Return an argument of a call that is not None, None where it is not given."""
    key = argument(recipe, call, name)
    node = key.node if key is not None else None
    off = isinstance(node, Scalar) and not is_unknown(node) and python_value(node) is None
    return None if off or takes_unread(recipe, call) else key


def whole_datasets(recipe: Recipe) -> tuple[Item, ...]:
    """Data sets that go to a trainer with all their splits; the hint is what to write."""
    found = []
    for call in calls(recipe, *_TRAINERS, *_OF_TRANSFORMERS):
        for name in _WHOLE:
            key = argument(recipe, call.name, name)
            made = key.node if key is not None else None
            if key is not None and isinstance(made, Mapping) and _has_splits(made):
                said = written_as(recipe, key.node)
                split = "train" if name == "train_dataset" else "test"
                hint = f'{said}["{split}"]' if said.isidentifier() else f'split="{split}"'
                found.append(Item(path=key.path, at=key.key_at, value=said, hint=hint))
    return tuple(found)


def _has_splits(made: Mapping) -> bool:
    """Whether a call is ``load_dataset`` without a split."""
    of_hub = text_of(made.get("path")) != "" and "of" not in made
    return of_hub and "split" not in made and "**" not in made
