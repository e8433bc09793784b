"""Which rules a recipe leaves standing: conditions answered once, most of them for many rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lora_advisor.condition import truth
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lora_advisor.condition import Condition
    from lora_advisor.facts import Facts
    from lora_advisor.recipe import Recipe, Value
    from lora_advisor.rules import Rule


class Answer(NamedTuple):
    """What a condition came to, the fields it read, and why it is unknown if it is.

    ``ends`` the rules that ask it: it is false, or nothing that anybody could tell would decide it.
    """

    holds: object
    reads: dict[str, None]
    reasons: dict[str, None]
    ends: bool


class Usual:
    """What the recipes of one framework have in common, and the answers that rest on it.

    Most fields of a recipe are defaults, the same objects in each recipe of the framework, and a
    condition comes out the same wherever all it read is the same.
    """

    def __init__(self) -> None:
        self.answers: dict[Condition, Answer] = {}
        self._values: dict[str, Value] = {}

    def others(self, recipe: Recipe) -> set[str]:
        """Return the fields that are other than usual, or written; the first time tells what is."""
        found = set()
        usual = self._values
        for field, value in recipe.values.items():
            if usual.get(field) is not value:
                if value.key_at is not None or field in usual:
                    found.add(field)
                else:
                    usual[field] = value
        return found


class Docket:
    """The rules about one framework and the releases in use, as bits of numbers.

    Rules share conditions, and most rules end at one: it strikes out all that ask it.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self.every = (1 << len(self.rules)) - 1
        self.without: dict[Condition, int] = {}
        """Of each condition that speaks of no item, all rules but those that ask it."""
        for number, rule in enumerate(self.rules):
            for condition in rule.guards:
                kept = self.without.get(condition, self.every)
                self.without[condition] = kept & ~(1 << number)


class Case:
    """One recipe before the court: its facts, and the conditions that were answered already."""

    def __init__(self, facts: Facts, usual: Usual) -> None:
        self.known: dict[Condition, Answer] = {}
        self.facts = facts
        self._usual = usual
        self._others = usual.others(facts.recipe)

    def standing(self, docket: Docket) -> Iterator[Rule]:
        """Yield the rules that end at no condition that speaks of no item."""
        left, known = self._unsettled(docket), self.known
        while left:
            lowest = left & -left
            left ^= lowest
            rule = docket.rules[lowest.bit_length() - 1]
            for condition in rule.guards:
                answer = known.get(condition) or self._answered(condition)
                if answer.ends:
                    left &= docket.without[condition]
                    break
            else:
                yield rule

    def _unsettled(self, docket: Docket) -> int:
        """Return the rules that no usual answer strikes out; such answers are known from here."""
        left, others = docket.every, self._others
        for condition, answer in self._usual.answers.items():
            if others.isdisjoint(answer.reads):
                self.known[condition] = answer
                if answer.ends:
                    left &= docket.without.get(condition, left)
        return left

    def _answered(self, condition: Condition) -> Answer:
        """Answer by evaluation, for later recipes too if all that was read is usual."""
        facts = self.facts
        answer = self.known[condition] = answered(condition, facts, facts.get)
        if self._others.isdisjoint(answer.reads):
            only_fields = answer.reads.keys() <= facts.recipe.values.keys()  # no model, no keys
            if only_fields:
                self._usual.answers[condition] = answer
        return answer


def answered(condition: Condition, facts: Facts, lookup: Callable[[str], object]) -> Answer:
    """Evaluate a condition, with what it read."""
    facts.forget_reads()
    holds = truth(condition.function(lookup, facts.about))
    reasons = facts.reasons
    return Answer(holds, facts.reads, reasons, holds is False or (holds is UNKNOWN and not reasons))
