"""The module table: every module of a base model by name, with its kind and its parameters."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final

from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LINEAR: Final = frozenset({"linear", "transposed-linear"})
CONVOLUTIONS: Final = frozenset({"conv1d", "conv2d", "conv3d"})
ADAPTABLE: Final = LINEAR | CONVOLUTIONS | {"embedding", "attention"}
CONTAINER: Final = "container"
UNKNOWN_KIND: Final = "unknown"


@record
class Module:
    """One module of a model.

    ``kind`` is what PEFT makes of its class (``linear``, ``embedding``, …), empty for a class it
    cannot adapt, ``unknown`` where only names are known. ``parameters`` are its own, not those of
    modules below it, each with its shape. ``transposed`` marks experts stored as (experts, in,
    out), ``groups`` is that of a convolution.
    """

    name: str
    kind: str
    class_name: str
    parameters: tuple[tuple[str, tuple[int, ...]], ...] = ()
    transposed: bool = False
    groups: int = 1

    @property
    def leaf(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    def shape(self, parameter: str) -> tuple[int, ...] | None:
        """Return the shape of one of its own parameters, None where it has no such one."""
        return next((shape for name, shape in self.parameters if name == parameter), None)


@record
class ModuleTable:
    """A model's modules in the order torch walks them, and how its embeddings hang together.

    ``input_embedding`` and ``output_embedding`` are module names; ``tied_modules`` those that
    share the input embedding's weight, ``shared_modules`` further names of a module already
    listed, ``shared_parameters`` further names of a parameter. ``sized`` says whether shapes and
    layer counts are those of the model at hand, not of another size of its kind. ``source`` says
    where the table comes from, ``transformers`` for which major version it holds.
    """

    modules: tuple[Module, ...]
    model_type: str
    auto_class: str
    source: str
    transformers: int | None = 5
    input_embedding: str | None = None
    output_embedding: str | None = None
    tie_word_embeddings: bool = False
    tied_modules: tuple[str, ...] = ()
    shared_modules: Mapping[str, str]
    shared_parameters: Mapping[str, str]
    generates: bool = True
    sized: bool = True
    complete: bool = True

    @cached_property
    def by_name(self) -> dict[str, Module]:
        """Modules by their full names."""
        return {module.name: module for module in self.modules}

    def ending(self, end: str) -> list[int]:
        """Return the positions of the modules whose name is this, or ends with it after a dot."""
        parts = end.count(".") + 1
        if parts not in self._by_end:
            self._by_end[parts] = self._ends(parts)
        return self._by_end[parts].get(end, [])

    @cached_property
    def _by_end(self) -> dict[int, dict[str, list[int]]]:
        """Positions by the last parts of names, for each number of parts asked so far."""
        return {}

    def _ends(self, parts: int) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for position, module in enumerate(self.modules):
            pieces = module.name.rsplit(".", parts)
            if module.name and len(pieces) >= parts:
                found.setdefault(".".join(pieces[-parts:]), []).append(position)
        return found

    def below(self, name: str) -> Iterable[Module]:
        """Yield a module and all modules inside it."""
        prefix = f"{name}."
        return (m for m in self.modules if m.name == name or m.name.startswith(prefix))

    def parameter_names(self) -> Iterable[str]:
        """Yield the full name of every parameter, each parameter once."""
        for module in self.modules:
            for own, _ in module.parameters:
                full = f"{module.name}.{own}" if module.name else own
                if full not in self.shared_parameters:
                    yield full

    @cached_property
    def parameter_count(self) -> int:
        """Count the base model's parameters, a shared one once."""
        return sum(
            math.prod(shape)
            for module in self.modules
            for own, shape in module.parameters
            if f"{module.name}.{own}" not in self.shared_parameters
        )
