"""Commands that serve or convert a trained adapter: vLLM, ms-swift with vLLM, llama.cpp."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.interface import Framework, Key, comma_list
from lora_advisor.recipe import UNKNOWN
from lora_advisor.record import replace
from lora_advisor.source.scalars import flag_value
from lora_advisor.source.shell import COMMAND, SCRIPT
from lora_advisor.source.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.draft import Draft

_SWIFT: Final = ("infer", "deploy", "app", "eval")
"""Commands of ms-swift that generate, with vLLM where ``infer_backend`` says so."""
_CONVERSION: Final = "convert_lora_to_gguf.py"


def of_command(command: list[str], program: str, flags: Mapping) -> Framework | None:
    """Return the format of a command that loads or converts adapters, None for any other."""
    if any("lora" in entry.key.text for entry in flags.entries) and _starts_vllm(
        command, program, flags
    ):
        return VLLM
    if command[:1] == ["swift"] and set(command[1:2]) & set(_SWIFT):
        return SWIFT if _flag(flags, "infer_backend") == "vllm" else None
    return GGUF if _CONVERSION in (program, *command) else None


def _starts_vllm(command: list[str], program: str, flags: Mapping) -> bool:
    """Whether a command starts vLLM's server: by its name, as a module or in its container."""
    if command[:2] == ["vllm", "serve"] or program.startswith("vllm.entrypoints."):
        return True
    image = any("vllm/vllm-openai" in item.text for item in _texts(flags))
    return command[:1] in (["docker"], ["podman"]) and image


def _texts(flags: Mapping) -> Iterator[Scalar]:
    for entry in flags.entries:
        value = entry.value
        items = value.items if isinstance(value, Sequence) else (value,)
        yield from (item for item in items if isinstance(item, Scalar))


def _flag(flags: Mapping, name: str) -> str:
    value = flags.get(name)
    return value.text if isinstance(value, Scalar) else ""


def _adapters(value: object) -> object:
    """Read ``name=path`` or the JSON of one or more adapters as a list of ``name=path``."""
    return [_adapter(item) for item in (value if isinstance(value, list) else [value])]


def _adapter(item: object) -> object:
    if isinstance(item, str) and item.startswith("{"):
        try:
            told = json.loads(item)
        except ValueError:
            return UNKNOWN
        return f"{told.get('name')}={told.get('path')}" if isinstance(told, dict) else UNKNOWN
    return item


def _swift_adapters(value: object) -> object:
    """Read paths, each with a name before it or not, as a list of ``name=path``."""
    items = value if isinstance(value, list) else [value]
    return [item if "=" in str(item) else f"adapter={item}" for item in items]


def _serve_merged(draft: Draft) -> None:
    """Load no adapter where ms-swift merges it first."""
    merges = draft.written("merge_lora")
    if merges is not None and merges.value is not False:
        draft.put("run.server", None, merges)
        draft.put("run.serve_adapters", [], merges)


def _converted(draft: Draft) -> None:
    """Take the adapter's folder from the words of the conversion, where they have no flag."""
    items = (
        item
        for root in draft.document.roots
        if isinstance(root, Mapping)
        for entry in root.entries
        if entry.key.text in (COMMAND, SCRIPT, "base", "outtype", "outfile")
        for item in (entry.value.items[0 if entry.key.text == COMMAND else 1 :]
                     if isinstance(entry.value, Sequence) else ())
        if isinstance(item, Scalar)
    )  # fmt: skip
    draft.put("run.serve_adapters", [f"gguf={item.text}" for item in items], None)


VLLM: Final = Framework(
    name="vllm",
    title="vLLM command line",
    rank=266,
    recognise=lambda _root, _document: "",
    keys={
        "enable_lora": "run.serves_lora",
        "max_lora_rank": "run.serve_max_rank",
        "lora_modules": Key(field="run.serve_adapters", read=_adapters),
        "enable_tower_connector_lora": "run.serve_tower",
        "lora_target_modules": Key(
            field="run.serve_targets", read=lambda v: comma_list(v) if isinstance(v, str) else v
        ),
    },
    scalars=flag_value,
    casts=True,
    defaults={
        "run.serve_max_rank": 16,
        "run.serve_targets": None,
        "run.serve_tower": False,
        "run.server": "vllm",
    },
    on_unknown="raises",
    schema=(("vllm", ("Adapters",)),),
    companion=True,
)
SWIFT: Final = replace(
    VLLM,
    name="ms-swift-server",
    title="ms-swift with vLLM",
    rank=273,
    keys={
        "vllm_max_lora_rank": "run.serve_max_rank",
        "adapters": Key(field="run.serve_adapters", read=_swift_adapters),
        "ckpt_dir": Key(field="run.serve_adapters", read=_swift_adapters),
    },
    defaults={**VLLM.defaults, "run.serve_tower": UNKNOWN},
    on_unknown="unchecked",
    schema=(),
    finish=_serve_merged,
)
"""vLLM as ms-swift starts it; the largest rank is 16 there, too.

Source: ``swift.trainers.arguments.VllmArguments`` of release 3.8.
"""
GGUF: Final = Framework(
    name="gguf",
    title="conversion to GGUF",
    rank=271,
    recognise=lambda _root, _document: "",
    keys={},
    scalars=flag_value,
    casts=True,
    defaults={"run.server": "llama.cpp"},
    finish=_converted,
    companion=True,
)
FRAMEWORKS: Final = (VLLM, SWIFT, GGUF)
