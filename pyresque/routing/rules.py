"""The routing table: an ordered list of rules; the last one that matches a class decides. A broken table is an error, never a guess.

In Redis the table is one JSON text (``migrate:routes``)::

    {"version":3,"rules":[{"match":"Reports::*","to":"python","percent":100},{"match":"Reports::Tax","to":"ruby","percent":100}]}

``percent`` is the share of a class's jobs that Python performs; which jobs these are, ``share.py`` says. A rule may have a brake
(``brake.py``): ``"brake":5,"least":20,"since":1772366400,"before":[7,0,30,1]``; the rule that a brake has set tells why: ``"tripped":"..."``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pyresque.errors import RoutingError
from pyresque.printable import printable
from pyresque.ruby.fnmatch import fnmatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Side: TypeAlias = Literal["ruby", "python"]

RUBY: Final = "ruby"
PYTHON: Final = "python"
ALL: Final = 100.0

#: Jobs of each side that a brake wants to have seen before it compares them, unless the rule says another number.
LEAST: Final = 20

#: What makes a name a pattern.
WILDCARDS: Final = "*?[]{}\\"

#: Rules in one table, at most; more would make each look at a class slow.
MOST_RULES: Final = 1000

#: Characters of a rule's class or pattern, at most.
LONGEST_MATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """Classes whose name matches (``File.fnmatch`` of Ruby) go to one side; to Python perhaps only a share of their jobs, in percent."""

    match: str
    to: Side
    percent: float = ALL
    #: How many percent points more of Python's jobs may fail than of Ruby's; None: no brake.
    brake: float | None = None
    least: int = LEAST
    #: The second from which on the brake counts.
    since: int = 0
    #: What the minute of that second had counted by then, if that was looked at: Python's jobs done and failed, and Ruby's.
    before: tuple[int, ...] = ()
    #: Why the brake has set this rule; "" for any other rule.
    tripped: str = ""

    @property
    def python_percent(self) -> float:
        """The share of the jobs that Python performs, in percent."""
        return self.percent if self.to == PYTHON else 0.0

    @property
    def is_pattern(self) -> bool:
        """Whether the rule is for all classes that match a pattern."""
        return any(char in WILDCARDS for char in self.match)

    @property
    def target(self) -> str:
        """The rule's side as ``route set`` reads it: ``ruby``, ``python``, ``python=25%``."""
        return self.to if self.percent == ALL else f"{self.to}={self.percent:g}%"

    @classmethod
    def parse(cls, match: str, target: str) -> Rule:
        """Read ``ruby``, ``python`` or ``python=25%``. Raises RoutingError."""
        side, separator, share = target.strip().partition("=")
        side = side.strip().lower()
        if side == RUBY and not separator:
            return cls._checked(match, RUBY, ALL)
        if side != PYTHON:
            raise RoutingError(
                f"{printable(target)!r} is no side for {printable(match)!r}: give ruby, python, or python=25%"
            )
        if not separator:
            return cls._checked(match, PYTHON, ALL)
        number = share.strip().removesuffix("%").strip()
        try:
            percent = float(number)
        except ValueError:
            raise RoutingError(
                f"{printable(share)!r} is no percentage: give one such as python=25%"
            ) from None
        return cls._checked(match, PYTHON, percent)

    @classmethod
    def _checked(cls, match: object, to: object, percent: object) -> Rule:
        if not isinstance(match, str) or not match:
            raise RoutingError(
                f"a rule's class is {match!r}: give a class's name, or a pattern such as Reports::*"
            )
        if len(match) > LONGEST_MATCH:
            raise RoutingError(
                f"a rule's class begins with {printable(match[:60])!r} and is longer than {LONGEST_MATCH} characters: use a pattern such as Reports::*"
            )
        if to not in (RUBY, PYTHON):  # a set would ask for its hash
            raise RoutingError(
                f"the rule of {printable(match)!r} leads to {to!r}: only ruby and python are there"
            )
        if (
            isinstance(percent, bool)
            or not isinstance(percent, (int, float))
            or not 0 <= percent <= ALL
        ):
            raise RoutingError(
                f"the rule of {printable(match)!r} has {percent!r} percent: give a number from 0 to 100"
            )
        return cls(match, to, float(percent))

    @classmethod
    def of(cls, found: object) -> Rule:
        """Read one rule of a table. Raises RoutingError."""
        if not isinstance(found, dict):
            raise RoutingError(
                f"a rule of the routing table is {printable(repr(found))[:80]}, no object"
            )
        rule = cls._checked(found.get("match"), found.get("to"), found.get("percent", ALL))
        if found.get("brake") is not None:
            parts = (found["brake"], found.get("least", LEAST), found.get("since", 0))
            rule = replace(rule, **_brake(rule.match, *parts), before=_before(found.get("before")))
        tripped = found.get("tripped")
        return replace(rule, tripped=tripped) if isinstance(tripped, str) and tripped else rule

    def with_brake(self, brake: float | str, least: int, since: float) -> Rule:
        """Return the rule with a brake: percent points such as 5 or ``5%``. Raises RoutingError."""
        text = str(brake).strip().removesuffix("%").strip()
        try:
            points = float(text)
        except ValueError:
            raise RoutingError(
                f"{printable(str(brake))!r} is no brake: give percent points such as 5%"
            ) from None
        if not self.python_percent:
            raise RoutingError(
                f"the rule of {printable(self.match)!r} leads to Ruby: a brake is for a share that Python performs"
            )
        return replace(self, **_brake(self.match, points, least, int(since)))

    def counted_from(self, since: float) -> Rule:
        """Return the rule whose brake, if it has one, counts from now on."""
        return self if self.brake is None else replace(self, since=int(since), before=())

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as it stands in the table."""
        found: dict[str, Any] = {
            "match": self.match,
            "to": self.to,
            "percent": _short(self.percent),
        }
        if self.brake is not None:
            found |= {"brake": _short(self.brake), "least": self.least, "since": self.since}
            if self.before:
                found["before"] = list(self.before)
        if self.tripped:
            found["tripped"] = self.tripped
        return found


def _short(number: float) -> float | int:
    return int(number) if number == int(number) else number


def _before(found: object) -> tuple[int, ...]:
    """Return the counts of a minute; none if they are no four numbers: the brake then counts from the next minute on."""
    if not isinstance(found, list) or len(found) != 4:  # noqa: PLR2004 - two sides, done and failed
        return ()
    numbers = tuple(n for n in found if isinstance(n, int) and not isinstance(n, bool) and n >= 0)
    return numbers if len(numbers) == len(found) else ()


def _brake(match: str, points: object, least: object, since: object) -> dict[str, Any]:
    """Return the fields of a brake, checked. Raises RoutingError."""
    if isinstance(points, bool) or not isinstance(points, (int, float)) or not 0 <= points <= ALL:
        raise RoutingError(
            f"the brake of {printable(match)!r} is {points!r}: give percent points from 0 to 100"
        )
    if isinstance(least, bool) or not isinstance(least, int) or least < 1:
        raise RoutingError(
            f"the brake of {printable(match)!r} wants {least!r} jobs at least: give a number from 1 on"
        )
    if isinstance(since, bool) or not isinstance(since, int):
        raise RoutingError(f"the brake of {printable(match)!r} counts since {since!r}, no second")
    return {"brake": float(points), "least": least, "since": since}


@dataclass(frozen=True, slots=True)
class Routes:
    """The rules in order, and how often the table in Redis has been changed."""

    rules: tuple[Rule, ...] = ()
    version: int = 0
    _found: dict[str, Rule | None] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_settings(cls, rules: Mapping[str, str]) -> Routes:
        """Read the rules of the setting ``routes``: pattern to ``ruby``, ``python`` or ``python=25%``. Raises RoutingError."""
        return cls(tuple(Rule.parse(match, target) for match, target in rules.items()))

    @classmethod
    def decode(cls, raw: bytes | None) -> Routes:
        """Read the table in Redis; None is an empty one. Raises RoutingError, which says what is wrong with it."""
        if raw is None:
            return cls()
        try:
            table = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise RoutingError(f"the routing table is no JSON: {printable(str(error))}") from None
        if not isinstance(table, dict) or not isinstance(table.get("rules"), list):
            raise RoutingError("the routing table is no object with a list of rules")
        version = table.get("version", 0)
        if isinstance(version, bool) or not isinstance(version, int):
            raise RoutingError(
                f"the routing table's version is {printable(repr(version))[:80]}, no number"
            )
        if len(table["rules"]) > MOST_RULES:
            raise RoutingError(f"the routing table has more than {MOST_RULES} rules")
        return cls(tuple(map(Rule.of, table["rules"])), version)

    def encode(self) -> bytes:
        """Return the table as it stands in Redis."""
        table = {"version": self.version, "rules": [rule.to_dict() for rule in self.rules]}
        return json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )

    def with_rule(self, rule: Rule) -> Routes:
        """Return the table after ``route set``: the rule stands last, and a former one of the same pattern is gone."""
        others = (one for one in self.rules if one.match != rule.match)
        return self.with_rules((*others, rule))

    def with_rules(self, rules: Iterable[Rule]) -> Routes:
        """Return a table of these rules, one version on. Raises RoutingError if they are too many."""
        table = Routes(tuple(rules), self.version + 1)
        if len(table.rules) > MOST_RULES:
            raise RoutingError(
                f"the routing table would have more than {MOST_RULES} rules: use patterns such as Reports::*"
            )
        return table

    def above(self, base: Routes) -> Routes:
        """Return both tables as one: the rules of ``base`` come first, so that a rule of this table decides before them."""
        return Routes((*base.rules, *self.rules), self.version)

    def rule_of(self, class_name: str) -> Rule | None:
        """Return the last rule that matches a class's name; None if there is none."""
        if class_name in self._found:
            return self._found[class_name]
        found = next(
            (
                one
                for one in reversed(self.rules)
                if one.match == class_name or (one.is_pattern and fnmatch(one.match, class_name))
            ),
            None,
        )
        if (
            len(self._found) < 10 * MOST_RULES
        ):  # class names come from payloads: their number has no bound
            self._found[class_name] = found
        return found
