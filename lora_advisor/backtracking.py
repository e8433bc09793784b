"""How long a regular expression may take: an upper bound of the ways in which it can be tried.

Python's engine goes back to every choice it made, so ``(a+)+b`` takes years on forty letters. What
a pattern can choose is counted from the parsed pattern; nothing is run.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

MOST_WAYS: Final = 7.0
"""Decimal logarithm of the ways that are tried within a second or so."""


def refused(pattern: str, length: int, most: float = MOST_WAYS) -> str | None:
    """Say why a pattern is not to be tried on texts of a length; None where it may be.

    ``most`` is the decimal logarithm of the ways it may have, an upper bound that literal text
    between the choices keeps far away. A pattern that is no regular expression is refused, too.
    """
    try:
        re.compile(pattern)
        ways = _ways(_parsed(pattern), math.log10(length + 1))
    except (re.error, OverflowError, RecursionError) as error:
        return f"no regular expression: {error}"
    if ways <= most:
        return None
    return "it could take too long: at most two of * and +, and none inside another"


def _parsed(pattern: str) -> Any:
    try:
        from re import _parser as parser  # type: ignore[attr-defined]
    except ImportError:  # Python 3.10
        import sre_parse as parser
    return parser.parse(pattern)


def _ways(parsed: Any, length: float) -> float:
    """Add the logarithms of what every part can choose from."""
    return sum(_part(str(operator), argument, length) for operator, argument in parsed)


def _part(operator: str, argument: Any, length: float) -> float:
    if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, body = argument
        return _repeat((int(low), int(high)), body, length)
    if operator == "SUBPATTERN":
        return _ways(argument[-1], length)
    if operator == "BRANCH":
        return math.log10(sum(_power(_ways(part, length)) for part in argument[1]))
    if operator in ("ASSERT", "ASSERT_NOT"):
        return _ways(argument[1], length)
    if operator == "ATOMIC_GROUP":
        return _ways(argument, length)
    if operator == "GROUPREF_EXISTS":
        return sum(_ways(part, length) for part in argument[1:] if part is not None)
    return 0.0


def _repeat(times: tuple[int, int], body: Any, length: float) -> float:
    """Count how often a part may stand, times what it can choose each time."""
    low, high = times
    most = min(high, round(_power(length)))
    return math.log10(max(most - low, 0) + 1) + max(most, low) * _ways(body, length)


def _power(logarithm: float) -> float:
    return float(10 ** min(logarithm, 300.0))
