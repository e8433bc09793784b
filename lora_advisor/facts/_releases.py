"""Releases of a library that another one bounds: help for facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.frameworks import schemas

if TYPE_CHECKING:
    from lora_advisor.targets import Targets


def may_reach(package: str, release: str, targets: Targets) -> bool:
    """Whether a library may be of this release or a newer one.

    A TRL that nobody states is no newer than the transformers beside it allows.
    """
    if not targets.may_hold({package: f">={release}"}):
        return False
    if package != "trl" or package in targets.known or "transformers" not in targets.known:
        return True
    needed = schemas.required_range("trl", release, "transformers")
    return needed is None or targets.may_hold({"transformers": needed})
