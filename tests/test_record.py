"""Value classes: cheap to define, and dataclasses to whoever asks."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import pytest

from lora_advisor.record import field, record, replace


@record
class Point:
    x: int
    y: int = 2
    labels: dict[str, int] = field(default_factory=dict)


@record
class Named(Point):
    name: str

    @cached_property
    def title(self) -> str:
        return self.name.title()


def test_fields_are_given_by_name_and_defaults_are_not_shared() -> None:
    one, other = Point(x=1), Point(x=1)
    one.labels["a"] = 1
    assert (one.x, one.y, other.labels) == (1, 2, {})
    assert one != other


@pytest.mark.parametrize("given", [{}, {"x": 1, "z": 2}])
def test_missing_and_unknown_fields_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Point(**given)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        replace(Point(x=1), z=3)


def test_a_record_has_slots_and_inherits_fields() -> None:
    named = Named(x=1, name="origin")
    assert not hasattr(Point(x=1), "__dict__")
    assert (named.y, named.title) == (2, "Origin")
    changed = replace(named, name="other")
    assert (changed.x, changed.title) == (1, "Other")


def test_dataclasses_knows_records() -> None:
    named = Named(x=1, name="origin")
    assert dataclasses.asdict(named) == {"x": 1, "y": 2, "labels": {}, "name": "origin"}
    assert [entry.name for entry in dataclasses.fields(Point)] == ["x", "y", "labels"]
    assert dataclasses.replace(named, x=4).x == 4
