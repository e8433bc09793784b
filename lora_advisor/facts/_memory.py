"""Memory for what several facts of one recipe are made of."""

from __future__ import annotations

from functools import wraps
from operator import is_
from typing import TYPE_CHECKING, TypeVar

from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec

    from lora_advisor.recipe import Recipe

    P = ParamSpec("P")

T = TypeVar("T")


def of_last_recipe(function: Callable[[Recipe], T]) -> Callable[[Recipe], T]:
    """Keep a function's answer until it is asked of another recipe."""
    last: list[tuple[Recipe, T]] = []

    @wraps(function)
    def remembered(recipe: Recipe) -> T:
        if not last or last[0][0] is not recipe:
            last[:] = [(recipe, function(recipe))]
        return last[0][1]

    return remembered


def of_last_call(function: Callable[P, T]) -> Callable[P, T]:
    """Keep a helper's answer, or why there is none, until it is asked of anything else."""
    asked: tuple[object, ...] = ()
    answer: list[T] = []
    reasons: tuple[object, ...] = ()

    @wraps(function)
    def remembered(*given: P.args, **named: P.kwargs) -> T:
        nonlocal asked, answer, reasons
        call = (*given, *named, *named.values())
        if len(asked) != len(call) or not all(map(is_, asked, call)):
            try:
                answer = [function(*given, **named)]
            except UnknownValueError as error:
                answer, reasons = [], error.args
            asked = call
        if not answer:
            raise UnknownValueError(*reasons)
        return answer[0]

    return remembered
