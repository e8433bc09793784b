"""What older releases of PEFT do otherwise, each found by running that release.

A release is its first two numbers. 0.13.2, 0.15.2, 0.17.1, 0.19.0 and 0.21.2 were run; where a
change lies between two of them, the release is that of PEFT's source history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Release: TypeAlias = tuple[int, int]

NEWEST: Final[Release] = (0, 21)
OLDEST: Final[Release] = (0, 13)
FIELDS_SINCE: Final[Mapping[str, Release]] = {
    "exclude_modules": (0, 14),
    "lora_bias": (0, 14),
    "trainable_token_indices": (0, 15),
    "target_parameters": (0, 17),
    "ensure_weight_tying": (0, 18),
}
DEFAULTS_SINCE: Final[Mapping[str, Release]] = {
    **dict.fromkeys(["RefinedWeb", "RefinedWebModel", "falcon", "mpt", "btlm", "codegen"], (0, 5)),
    "mistral": (0, 6),
    **dict.fromkeys(["phi", "stablelm"], (0, 7)),
    "mixtral": (0, 8),
    "gemma": (0, 9),
    "qwen2": (0, 12),
    "gemma2": (0, 13),
    **dict.fromkeys(["gemma3_text", "llama4", "qwen3"], (0, 16)),
    **dict.fromkeys(["rwkv", "rwkv7"], (0, 18)),
    "gemma4": (0, 19),
    "nemotron_h": (0, 20),
}
"""The first release with targets for a model type, as the tables of 0.4 to 0.20 have them."""

LAYERS_WITHOUT_PATTERN_CHECK: Final[Release] = (0, 13)
PATTERNS_OF_BOTH_KINDS: Final[Release] = (0, 14)
"""Up to here the first key of rank or alpha pattern decides both, and needs a dot before it."""
NO_CONV3D: Final[Release] = (0, 13)
NO_CONV1D_OR_ATTENTION: Final[Release] = (0, 14)
ALL_LINEAR_BY_LAST_NAME: Final[Release] = (0, 14)
SAVED_BY_END_OF_NAME: Final[Release] = (0, 15)
"""Up to here a module is wrapped as saved while targets are looked for, by the end of its name."""
MAMBA_BAN: Final[Release] = (0, 16)
MAMBA_BAN_OF_NEMOTRON: Final[Release] = (0, 20)
HEADS_BEFORE_ADAPTERS: Final[Release] = (0, 16)
"""Before, the head of a sequence classifier was saved after the adapters, and could have one."""
CONVOLUTION_GROUPS: Final[Release] = (0, 16)
TOKEN_ROWS_OF_TIED_TARGETS: Final[Release] = (0, 19)
NO_ROWS_OF_LINEAR: Final[tuple[Release, ...]] = ((0, 16), (0, 17))
EXPERTS_CONVERTED: Final[Release] = (0, 19)
TEXT_RESOLVED_FOR_EXPERTS: Final[Release] = (0, 20)
OWN_ERROR_FOR_NO_MATCH: Final[Release] = (0, 21)
LAST_LAYER_NUMBER_COUNTS: Final[Release] = (0, 20)
"""Up to here the last numbered part of a name is its layer, and a prefix comes before it."""
EMPTY_LAYERS_ARE_NONE: Final[Release] = (0, 20)
FLAT_PARAMETER_IS_VALUE_ERROR: Final[Release] = (0, 21)
TIED_ROWS_BY_PRESENT_NAME: Final[Release] = (0, 18)
"""Before, a layer tied to token rows was looked for by its own name, inside an adapter or not."""
TYING_OF_TARGETS: Final[Release] = (0, 19)
TYING_ASKS_THE_CONFIG: Final[Release] = (0, 20)
"""Before, layers were tied that can be, also those whose config says they are not."""
BIAS_BY_END_OF_NAME: Final[Release] = (0, 21)
"""Before, ``bias: all`` trained every parameter with "bias" anywhere in its name."""
SEQ2SEQ_WITH_TRANSFORMERS_5: Final[Release] = (0, 21)


def release_of(version: str) -> Release:
    """Return the first two numbers of a version, bounded by those that are known."""
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    number = (int(major or 0), int(minor)) if minor.isdecimal() and major.isdecimal() else NEWEST
    return min(max(number, OLDEST), NEWEST)
