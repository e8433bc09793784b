"""The fields of one configuration class: names, simplified types, literal defaults."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from key_classes import ClassSource, Module, Package

Field = dict[str, object]

_SPELLINGS = {
    "int": "int PositiveInt NonNegativeInt StrictInt conint",
    "float": "float PositiveFloat NonNegativeFloat StrictFloat confloat",
    "bool": "bool StrictBool",
    "str": "str StrictStr Path PathLike",
    "list": "list List Sequence Iterable tuple Tuple set Set",
    "dict": "dict Dict Mapping MutableMapping",
    "none": "None",
}
_SIMPLE = {name: kind for kind, names in _SPELLINGS.items() for name in names.split()}
_LONGEST_DEFAULT = 60


def fields_of(package: Package, source: ClassSource, kept: frozenset[str]) -> dict[str, Field]:
    """Own fields and those of the bases in the same package, except of bases in `kept`."""
    found: dict[str, Field] = {}
    for base in reversed(local_bases(package, source)):
        if base.name not in kept or base.name == source.name:
            found |= fields_of(package, base, kept)
    return found | dict(_own_fields(package, source))


def local_bases(package: Package, source: ClassSource) -> list[ClassSource]:
    """Direct bases that the package itself defines."""
    found = (package.resolve(source.module, name) for name in _base_names(source.node))
    return [base for base in found if base is not None and base.node is not source.node]


def base_labels(package: Package, source: ClassSource, kept: frozenset[str]) -> list[str]:
    """Bases that stay references: "PeftConfig" here, "transformers:TrainingArguments" outside."""
    labels: list[str] = []
    for name in _base_names(source.node):
        base = package.resolve(source.module, name)
        if base is None:
            owner, original = package.outside(source.module, name)
            labels += [f"{owner}:{original}"] if owner == "transformers" else []
        elif base.name in kept and base.name != source.name:
            labels.append(base.name)
        elif base.node is not source.node:
            labels += base_labels(package, base, kept)
    return [label for label in dict.fromkeys(labels) if not label.endswith("PushToHubMixin")]


def nested_models(package: Package, source: ClassSource) -> Iterator[ClassSource]:
    """Pydantic models or dataclasses named in the annotations, bases included."""
    for base in local_bases(package, source):
        yield from nested_models(package, base)
    for item in source.node.body:
        if isinstance(item, ast.AnnAssign):
            for name in _names(item.annotation):
                found = package.resolve(source.module, name)
                if found is not None and not _is_enum(found):
                    yield found


def _base_names(node: ast.ClassDef) -> list[str]:
    return [base.id for base in node.bases if isinstance(base, ast.Name)] + [
        base.attr for base in node.bases if isinstance(base, ast.Attribute)
    ]


def _own_fields(package: Package, source: ClassSource) -> Iterator[tuple[str, Field]]:
    for item in source.node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            # a pydantic model's own parameters are no keys of the file it validates
            if "BaseModel" not in _base_names(source.node):
                yield from _parameters(package, source.module, item)
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            yield from _declared(package, source.module, item.target.id, item)


def _declared(
    package: Package, module: Module, name: str, item: ast.AnnAssign
) -> Iterator[tuple[str, Field]]:
    call = _field_call(item.value)
    if name.startswith("_") or _names(item.annotation)[:1] == ["ClassVar"] or _not_init(call):
        return
    field: Field = {"type": simple_type(package, module, item.annotation)}
    field |= _default(package, module, item.value)
    nested = [s.name for s in _models_in(package, module, item.annotation)]
    field |= {"models": nested} if nested else {}
    for alias in [name, *_aliases(call)]:
        yield alias, field


def _models_in(package: Package, module: Module, annotation: ast.expr) -> list[ClassSource]:
    found = [package.resolve(module, name) for name in dict.fromkeys(_names(annotation))]
    return [source for source in found if source is not None and not _is_enum(source)]


def _parameters(
    package: Package, module: Module, item: ast.FunctionDef
) -> Iterator[tuple[str, Field]]:
    arguments = item.args.args[1:]
    defaults = [None] * (len(arguments) - len(item.args.defaults)) + list(item.args.defaults)
    for argument, default in zip(arguments, defaults, strict=True):
        filled = _default(package, module, default)
        known = simple_type(package, module, argument.annotation)
        if argument.annotation is None:  # bitsandbytes': the default's type is checked instead
            known = _SIMPLE.get(type(filled.get("default")).__name__, "any")
        yield argument.arg, {"type": known, **filled}


def simple_type(package: Package, module: Module, annotation: ast.expr | None) -> str:
    """An annotation as int|float|bool|str|list|dict|none alternatives, or "any" if in doubt."""
    kinds = set(_kinds(package, module, annotation))
    return "any" if "any" in kinds or not kinds else "|".join(sorted(kinds))


def _kinds(package: Package, module: Module, node: ast.expr | None) -> Iterator[str]:
    match node:
        case ast.Constant(value=None):
            yield "none"
        case ast.Constant(value=str() as text):
            yield from _kinds(package, module, _parsed(text))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _kinds(package, module, left)
            yield from _kinds(package, module, right)
        case ast.Subscript(value=outer, slice=inner):
            yield from _generic(package, module, _last_name(outer), inner)
        case ast.Name() | ast.Attribute():
            yield _named_kind(package, module, _last_name(node))
        case _:
            yield "any"


def _generic(package: Package, module: Module, outer: str, inner: ast.expr) -> Iterator[str]:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Literal":
        for part in parts:
            value = part.value if isinstance(part, ast.Constant) else ...
            yield "none" if value is None else _SIMPLE.get(type(value).__name__, "any")
    elif outer in ("Optional", "Union", "Annotated"):
        if outer == "Optional":
            yield "none"
        for part in parts[:1] if outer == "Annotated" else parts:
            yield from _kinds(package, module, part)
    else:
        yield _named_kind(package, module, outer)


def _named_kind(package: Package, module: Module, name: str) -> str:
    if name in _SIMPLE:
        return _SIMPLE[name]
    source = package.resolve(module, name)
    if source is None:
        return "any"
    if _is_enum(source):
        return "int" if {"int", "IntEnum"} & set(_base_names(source.node)) else "str"
    return "dict"


def _is_enum(source: ClassSource) -> bool:
    return any(name.endswith("Enum") for name in _base_names(source.node))


def _default(package: Package, module: Module, value: ast.expr | None) -> Field:
    call = _field_call(value)
    if call is not None:
        value = _default_in(call)
    if isinstance(value, ast.Attribute):
        value = _enum_member(package, module, value) or value
    try:
        literal = ast.literal_eval(value) if value is not None else ...
    except (ValueError, TypeError):
        return {}
    if literal is ... or len(repr(literal)) > _LONGEST_DEFAULT or isinstance(literal, set):
        return {}
    return {"default": literal}


def _field_call(value: ast.expr | None) -> ast.Call | None:
    if isinstance(value, ast.Call) and _last_name(value.func) in ("field", "Field"):
        return value
    return None


def _default_in(call: ast.Call) -> ast.expr | None:
    options = {word.arg: word.value for word in call.keywords}
    if "default" in options:
        return options["default"]
    match options.get("default_factory"):
        case ast.Name(id="list"):
            return ast.List(elts=[])
        case ast.Name(id="dict"):
            return ast.Dict(keys=[], values=[])
        case ast.Lambda(body=body):
            return body
    return call.args[0] if call.args else None


def _enum_member(package: Package, module: Module, node: ast.Attribute) -> ast.expr | None:
    if node.attr == "value" and isinstance(node.value, ast.Attribute):
        node = node.value
    source = package.resolve(module, _last_name(node.value))
    for item in source.node.body if source is not None and _is_enum(source) else ():
        if isinstance(item, ast.Assign) and _last_name(item.targets[0]) == node.attr:
            return item.value
    return None


def _not_init(call: ast.Call | None) -> bool:
    return call is not None and any(
        word.arg == "init" and isinstance(word.value, ast.Constant) and word.value.value is False
        for word in call.keywords
    )


def _aliases(call: ast.Call | None) -> list[str]:
    """Other spellings that a pydantic field takes: alias=, validation_alias=AliasChoices(…)."""
    words = call.keywords if call is not None else []
    chosen = [word.value for word in words if word.arg in ("alias", "validation_alias")]
    constants = (node for value in chosen for node in ast.walk(value))
    return [n.value for n in constants if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _names(annotation: ast.expr) -> list[str]:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = _parsed(annotation.value) or annotation
    return [node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)]


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
