"""Whether two ``config.json`` files make the same modules: equal, or equal but for sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WITHOUT_MODULES: Final = frozenset(
    """architectures torch_dtype dtype use_cache transformers_version quantization_config auto_map
    initializer_range initializer_factor rms_norm_eps layer_norm_eps layer_norm_epsilon
    layernorm_epsilon norm_epsilon max_length min_length max_position_embeddings n_positions n_ctx
    seq_length
    rope_theta rope_scaling rope_parameters original_max_position_embeddings sliding_window
    use_sliding_window max_window_layers pretraining_tp hidden_act hidden_activation
    activation_function attn_implementation task_specific_params id2label label2id
    problem_type output_attentions output_hidden_states return_dict torchscript name_or_path
    model_name temperature top_p top_k do_sample num_beams repetition_penalty router_aux_loss_coef
    output_router_logits final_logit_softcapping attn_logit_softcapping query_pre_attn_scalar
    summary_activation summary_first_dropout use_bfloat16 chunk_size_feed_forward _name_or_path
    """.split()  # noqa: SIM905 - a list of names
)
NAMES_WITHOUT_MODULES: Final = pattern(
    r"_token(_id)?$|_token_ids$|_token_index$|dropout|_pdrop$|^_|^unsloth|^bos_|^eos_|^pad_"
)
POSITIONS: Final = ("max_position_embeddings", "n_positions", "n_ctx", "seq_length")
"""Fields that shape a model only where it learns its positions."""
_MISSING: Final = object()


def shaping(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields of a config that shape modules, nested ones as ``text_config.hidden_size``.

    Fields set to null or left out are not there.
    """
    for key, value in config.items():
        if value is None or key in WITHOUT_MODULES or NAMES_WITHOUT_MODULES.search(key):
            continue
        if isinstance(value, dict):
            yield from shaping(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def same(config: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two configs of one type shape the same modules, in names and in sizes."""
    return dict(shaping(config)) == dict(shaping(other))


def same_positions(config: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two configs of one type set the same number of positions, where both set one."""
    pairs = ((config.get(name), other.get(name)) for name in POSITIONS)
    return all(one == two for one, two in pairs if one is not None and two is not None)


def alike(config: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two configs of one type shape modules of the same names, whatever their sizes.

    Only numbers above zero may differ. A field that one of them leaves out is passed over.
    """
    theirs = dict(shaping(other))
    for key, value in shaping(config):
        given = theirs.get(key, _MISSING)
        if given is not _MISSING and not _alike(value, given):
            return False
    return True


def agreement(config: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """Count the words, switches and lists that two configs have in common."""
    theirs = dict(shaping(other))
    given = ((key, value) for key, value in shaping(config) if key in theirs)
    return sum(value == theirs[key] for key, value in given if not _is_size(value))


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _alike(value: object, other: object) -> bool:
    if value == other:
        return True
    if _is_size(value) and _is_size(other):
        return bool(value) == bool(other)
    return isinstance(value, list) and isinstance(other, list) and _same_members(value, other)


def _same_members(value: list[Any], other: list[Any]) -> bool:
    """Whether two lists hold the same words: a pattern of layers, of another length."""
    return {str(item) for item in value} == {str(item) for item in other}
