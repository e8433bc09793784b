"""Module tables of any size: a type's tree, its shapes and counts as formulas over its config.

A template was learned from many builds of the real model and says for which configs it holds;
for any other it gives no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.canonical import canonical
from lora_advisor.models.formula import OpenError, value
from lora_advisor.models.table import Module, ModuleTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lora_advisor.models.formula import Fields, Indices

_CAUSAL: Final = "AutoModelForCausalLM"
_CAUSAL_NAMES: Final = ("ForCausalLM", "LMHeadModel")
_HEADS: Final = ("SequenceClassification", "TokenClassification", "QuestionAnswering")
_BEFORE_NAMES: Final = (
    "AutoModelForImageTextToText",
    "AutoModelForSeq2SeqLM",
    "AutoModelForSpeechSeq2Seq",
)
"""Classes that a type is loaded with whatever other class its config names."""


class Expansion:
    """Writes a template out for one config; equal layers are worked out once.

    A module has no name of its own until all is written: it comes with the one it has so far.
    """

    def __init__(self, nodes: list[Any], classes: list[Any], fields: Fields) -> None:
        self._nodes = nodes
        self._classes = classes
        self._fields = fields
        self._done: dict[int, list[tuple[str, Module]]] = {}
        self._bound: dict[int, bool] = {}

    def modules(self, root: int) -> Iterator[Module]:
        """Yield the root's module, named ``""``, and all below it."""
        for name, module in self._below(root, ()):
            yield Module(
                name=name,
                kind=module.kind,
                class_name=module.class_name,
                parameters=module.parameters,
                transposed=module.transposed,
                groups=module.groups,
            )

    def _below(self, number: int, at: Indices) -> list[tuple[str, Module]]:
        if number in self._done:
            return self._done[number]
        found = list(self._walk(number, at))
        if not self._by_index(number):
            self._done[number] = found
        return found

    def _walk(self, number: int, at: Indices) -> Iterator[tuple[str, Module]]:
        class_, parameters, children, transposed, groups = self._nodes[number]
        class_name, kind = self._classes[class_]
        module = Module(
            name="",
            kind=kind,
            class_name=class_name,
            parameters=tuple(self._parameters(parameters, at)),
            transposed=self._value(transposed, at),
            groups=self._value(groups, at),
        )
        yield "", module
        for child in children:
            yield from self._numbered(child, at) if child[0] == "#" else self._named(child, at)

    def _parameters(
        self, parameters: list[Any], at: Indices
    ) -> Iterator[tuple[str, tuple[int, ...]]]:
        for name, there, shape in parameters:
            if self._value(there, at):
                yield name, tuple(self._size(side, at) for side in shape)

    def _named(self, child: list[Any], at: Indices) -> Iterator[tuple[str, Module]]:
        name, which, variants = child
        chosen = self._value(which, at)
        if chosen >= 0:
            yield from self._renamed(variants[chosen], name, at)

    def _numbered(self, child: list[Any], at: Indices) -> Iterator[tuple[str, Module]]:
        _, which, variants, count = child
        for index in range(self._size(count, at)):
            inside = (*at, index)
            yield from self._renamed(variants[self._value(which, inside)], str(index), inside)

    def _renamed(self, number: int, prefix: str, at: Indices) -> Iterator[tuple[str, Module]]:
        for name, module in self._below(number, at):
            yield f"{prefix}.{name}" if name else prefix, module

    def _value(self, formula: Any, at: Indices) -> Any:
        return value(formula, self._fields, at) if isinstance(formula, list) else formula

    def _size(self, formula: Any, at: Indices) -> int:
        found = self._value(formula, at)
        if not isinstance(found, int) or found < 0:
            raise OpenError(f"a size is {found}")
        return found

    def _by_index(self, number: int) -> bool:
        """Whether anything in a node depends on the layer it stands in."""
        if number not in self._bound:
            _, parameters, children, transposed, groups = self._nodes[number]
            own = [parameters, transposed, groups, [(c[1], c[3:]) for c in children]]
            below = (n for child in children for n in child[2])
            self._bound[number] = _indexed(own) or any(self._by_index(n) for n in below)
        return self._bound[number]


def _indexed(part: Any) -> bool:
    if not isinstance(part, list | tuple):
        return False
    if part and part[0] in ("@", "**", "at", "in", "[]"):
        return True
    return any(_indexed(item) for item in part)


def expanded(
    template: Mapping[str, Any], content: Mapping[str, Any], config: Mapping[str, Any]
) -> ModuleTable | None:
    """Return the module table that a template gives for a config, None where it has no answer."""
    fields = canonical(config, template)
    if fields is None:
        return None
    try:
        about = {key: value(known, fields, ()) for key, known in template["about"].items()}
        expansion = Expansion(content["forms"], content["form_classes"], fields)
        modules = list(expansion.modules(template["root"]))
    except (OpenError, IndexError, TypeError):
        return None
    shared = dict(about["shared"])
    return ModuleTable(
        modules=tuple(_without(modules, shared)),
        model_type=about["type"],
        auto_class=template["auto"],
        source="its config.json",
        transformers=template["transformers"],
        input_embedding=about["input"],
        output_embedding=about["output"],
        tie_word_embeddings=about["tie"],
        tied_modules=tuple(about["tied"]),
        shared_modules=shared,
        shared_parameters=dict(about["ties"]),
        generates=about["generates"],
    )


def usual_class(content: Mapping[str, Any], architecture: str = "") -> str | None:
    """Return the auto class a model of a type is loaded with, None where it may be several.

    A causal model by the name of its class; else the class for images or for sequences that the
    type has; else the class it was saved from, or the only one known.
    """
    entries = [*content["models"], *content["references"]]
    known = dict.fromkeys(entry["default"] for entry in entries) or dict.fromkeys(
        template["auto"] for template in content["templates"]
    )
    if architecture.endswith(_CAUSAL_NAMES) and _CAUSAL in known:
        return _CAUSAL
    found = next((name for name in _BEFORE_NAMES if name in known), None)
    if found is not None or not architecture:
        return found or (next(iter(known)) if len(known) == 1 else None)
    if architecture.endswith(_CAUSAL_NAMES):
        return _CAUSAL
    templates = {template["auto"] for template in content["templates"]}
    return architecture if architecture in templates else _with_head(architecture)


def _with_head(architecture: str) -> str:
    """Return the auto class of a class with a head, ``LlamaForTokenClassification``."""
    head = architecture.rpartition("For")[2]
    return f"AutoModelFor{head}" if head in _HEADS else architecture


def _without(modules: list[Module], shared: Mapping[str, str]) -> Iterator[Module]:
    """Yield the modules without further names of one already met, nor what lies below those."""
    if not shared:
        yield from modules
        return
    below = tuple(f"{name}." for name in shared)
    for module in modules:
        if module.name not in shared and not module.name.startswith(below):
            yield module
