"""What is seen of an act's outcome: each returns whether the silent effect is there."""

from __future__ import annotations

from typing import Any


def nothing_trainable(model: Any) -> bool:
    """Not one parameter would be trained."""
    return not any(parameter.requires_grad for parameter in model.parameters())


def no_gradient(model: Any) -> bool:
    """Every gradient of the adapter is exactly zero after a backward pass."""
    trained = [p for p in model.parameters() if p.requires_grad and p.grad is not None]
    return all(not parameter.grad.any() for parameter in trained)


def no_adapter(config: Any) -> bool:
    """No adapter config comes out: every weight is trained."""
    return config is None
