"""The layers that FSDP wraps, as the models of transformers name them."""

from __future__ import annotations

import pytest
import transformers
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from lora_advisor.facts.run_wrapping import LAYERS

MODELS = {
    **MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    **MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    **MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
}


@pytest.mark.parametrize("kind", LAYERS)
def test_a_family_has_the_layer(kind: str) -> None:
    named = MODELS[kind]
    model = getattr(transformers, named if isinstance(named, str) else named[0])
    assert LAYERS[kind] in model._no_split_modules
