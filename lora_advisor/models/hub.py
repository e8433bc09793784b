"""A base model's ``config.json`` from the Hugging Face Hub, where the user allows the network."""

from __future__ import annotations

import os
from pathlib import Path

from lora_advisor.models.locate import CONFIG, ModelError


def fetched(name: str) -> Path:
    """Return the folder in the local cache that holds a published model's ``config.json``.

    Nothing else of the model is fetched. ModelError where the Hub does not give it.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from huggingface_hub import hf_hub_download  # an extra
    except ImportError:
        message = "--allow-network needs huggingface_hub (pip install 'lora-advisor[hub]')"
        raise ModelError(message) from None
    try:
        return Path(hf_hub_download(name, CONFIG)).parent
    except Exception as error:  # noqa: BLE001 - of the library, of HTTP, of the disk
        told = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(f"{CONFIG} of {name} was not fetched: {told}") from None
