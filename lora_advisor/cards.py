"""The shape of a rule card, as builds and tests validate it; a run reads the finished index."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lora_advisor.expression import ExpressionError, parse

Code = Annotated[str, Field(pattern=r"^[A-Z]{2,8}\d{3}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$", max_length=60)]
Text = Annotated[str, Field(min_length=10)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


def _dashed(name: str) -> str:
    return name.replace("_", "-")


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=_dashed, populate_by_name=True
    )


class FixCard(_Strict):
    """A repair: the changes that carry it out.

    ``set`` gives canonical fields new values, ``unset`` takes their keys out, ``listed`` makes a
    list of a text that names one thing or, with commas, several.

    Of the reported key (``each:``) ``rename`` gives another name, ``value`` another value, and
    ``remove`` takes it out; of the reported entry of a list ``entry`` gives another one, and
    ``remove`` takes it out; a reported key that is missing gets the value ``insert``. A word that
    comes out empty changes nothing.

    ``safe`` means that the trained result cannot change, or that the config cannot run as it is
    and has one sensible reading.
    """

    safety: Literal["safe", "unsafe"]
    title: Text
    set: dict[str, Any] = Field(default_factory=dict)
    unset: list[str] = Field(default_factory=list)
    listed: list[str] = Field(default_factory=list)
    rename: str | None = None
    value: str | None = None
    entry: str | None = None
    insert: str | None = None
    remove: bool = False


class Example(_Strict):
    """A config as a user would write it, and where the finding must be.

    ``at`` is the path of the key that is blamed (bad examples only). ``file`` is the name the
    text would have, ``target`` pins versions, ``gpu`` is what it is to run on, ``with_files``
    adds files of the same launch, ``adapter`` the shapes of the tensors of a saved adapter, which
    lies beside the config and in ``adapter/``.
    """

    framework: str
    text: str
    at: str | None = None
    severity: Literal["error", "warning", "info"] | None = None
    file: str | None = None
    target: dict[str, str] = Field(default_factory=dict)
    gpu: str | None = None
    with_files: dict[str, str] = Field(default_factory=dict)
    adapter: dict[str, list[int]] = Field(default_factory=dict)


class Examples(_Strict):
    """What the rule must report, and what it must leave alone."""

    bad: list[Example] = Field(min_length=1)
    good: list[Example] = Field(min_length=1)


class Proof(_Strict):
    """How the claim is executed against the real library.

    ``run`` names an act of ``tests/proofs/acts.py`` that is done with each example's recipe. With
    ``raises`` the bad examples end in that exception (its text matches ``says``) and the good
    ones do not; with ``shows`` a named observation holds for the bad and not for the good ones.
    ``not_run`` says why the claim cannot be executed on a test machine.
    """

    run: str | None = None
    raises: str | None = None
    says: str | None = None
    shows: str | None = None
    not_run: Text | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Proof:
        if (self.run is None) == (self.not_run is None):
            raise ValueError("a proof has either 'run' or 'not-run'")
        if self.run is not None and (self.raises is None) == (self.shows is None):
            raise ValueError("a proof that runs has either 'raises' or 'shows'")
        return self


class Card(_Strict):
    """One rule: declaration, documentation page and test at once.

    A condition calls the functions of the language, and those of a plugin that validation is told
    of (``context={"functions": …}``).

    ``covers`` names rules whose findings this one makes superfluous, ``constraints`` the known
    traps it finds: the keys of ``docs/coverage.md``.
    """

    id: Code
    name: Name
    since: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["preview", "stable", "deprecated", "removed"]
    severity: Literal["error", "warning", "info"]
    evidence: Literal["raises", "silent", "documented", "paper", "practice"]
    cause: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] | None = None
    summary: Annotated[str, Field(min_length=10, max_length=100)]
    when: str
    at: str | list[str]
    message: Text
    why: Text
    references: list[Annotated[str, Field(pattern=r"^https://")]] = Field(min_length=1)
    examples: Examples
    each: str | None = None
    warning_when: str | None = None
    info_when: str | None = None
    pedantic: bool = False
    frameworks: list[str] = Field(default_factory=list)
    holds_for: dict[str, str] = Field(default_factory=dict)
    covers: list[Name] = Field(default_factory=list)
    constraints: list[Slug] = Field(default_factory=list)
    fix: list[FixCard] = Field(default_factory=list)
    proof: Proof | None = None

    @field_validator("when", "warning_when", "info_when", mode="before")
    @classmethod
    def _condition(cls, value: object, info: ValidationInfo) -> object:
        if value is None:
            return None
        try:
            parse(str(value), (info.context or {}).get("functions", ()))
        except ExpressionError as error:
            raise ValueError(f"condition: {error}") from None
        return str(value)

    @field_validator("summary")
    @classmethod
    def _sentence(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Z`].*\.", value):
            raise ValueError("a summary is one sentence that ends in a full stop")
        return value

    @model_validator(mode="after")
    def _proven(self) -> Card:
        if self.evidence in ("raises", "silent") and self.proof is None:
            raise ValueError("evidence 'raises' and 'silent' need a proof")
        return self


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a card, which ``rules/rule.schema.json`` holds."""
    return Card.model_json_schema(by_alias=True)
