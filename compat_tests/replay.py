"""How an area's scenarios are replayed: one table says what our call is for each, others what is otherwise, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from compat_tests.golden import Wording, data, differences, plain, raised, scenarios, unlike

if TYPE_CHECKING:
    from compat_tests.conftest import Enter
    from compat_tests.world import World

#: Our call for a scenario: a face, and the world it is in.
Play = Callable[[Any, "World"], Any]

FACES = ("blocking", "awaited")

#: At most so many of a file's scenarios may be exceptions.
MOST_EXCEPTIONS = 0.05


@dataclass(frozen=True)
class Otherwise:
    """What our verb gives where Ruby's gives something else, and the reason; state and events are compared as they are."""

    value: Any
    reason: str


@dataclass(frozen=True)
class Replays:
    """The tables of one area.

    ``calls``: our call, compared with Ruby's in what it returns, what it leaves in Redis and what hooks and jobs noted.
    ``better``: Ruby loses a job, stops or hits what it should not; the function asserts what ours does in its place.
    ``exceptions``: no like in Python, and why.
    """

    area: str
    calls: Mapping[str, Play]
    better: Mapping[str, Play]
    exceptions: Mapping[str, str]
    otherwise: Mapping[str, Otherwise] = field(default_factory=dict)
    wordings: Mapping[str, Wording] = field(default_factory=dict)
    options: Callable[[str], dict[str, Any]] = lambda name: {}

    @cached_property
    def replayed(self) -> list[str]:
        """The scenarios that are run, in their order."""
        return [name for name in scenarios(self.area) if name in self.calls or name in self.better]

    def coverage(self) -> tuple[str, int, int]:
        """The file, how many of its scenarios are replayed, how many there are."""
        return f"{self.area}.json", len(self.replayed), len(scenarios(self.area))

    def run(self, name: str, how: str, enter: Enter) -> None:
        """Replay one scenario with one face, or with one executor, which is then given in the face's place."""
        scenario = scenarios(self.area)[name]
        with enter(scenario, **self.options(name)) as world:
            face = world.face(how) if how in FACES else how
            if name in self.better:
                self.better[name](face, world)
                return
            try:
                given = data(self.calls[name](face, world))
            except Exception as error:  # noqa: BLE001 - compared with what Ruby raised
                given = raised(error)
            expected = (
                self.otherwise[name].value if name in self.otherwise else plain(scenario.returns)
            )
            assert not unlike(expected, given, scenario), unlike(expected, given, scenario)
            found = differences(scenario, world.state(), self.wordings.get(name))
            assert not found, "\n".join(found)
            assert world.events.all() == plain(list(scenario.events))

    def check_tables(self) -> None:
        """Every scenario stands in one table, every name in a table is a scenario, exceptions are few."""
        names = set(scenarios(self.area))
        listed = [*self.calls, *self.better, *self.exceptions]
        assert sorted(names - set(listed)) == [], "scenarios that nobody replays"
        assert sorted(set(listed) - names) == [], "no such scenarios"
        assert len(listed) == len(set(listed)), "scenarios in two tables"
        assert set(self.otherwise) | set(self.wordings) <= set(self.calls)
        assert len(self.exceptions) <= MOST_EXCEPTIONS * len(names)
