"""The move from Ruby: rules, brakes, the ledger and coverage."""

from __future__ import annotations

from typing import Any, TypedDict


class RouteShown(TypedDict):
    """A rule of the routing table. ``overruled``: whether a later one decides in its place; ``tripped``: why the brake has set it."""

    match: str
    target: str
    python_percent: float
    brake: float | None
    least: int
    tripped: str | None
    overruled: bool


class TallyShown(TypedDict):
    """Jobs that one side has done, and failed."""

    done: int
    failed: int


_BrakeClass = TypedDict("_BrakeClass", {"class": str})


class BrakeShown(_BrakeClass):
    """How the brake of a class stands. ``ruby_exact``: whether Ruby's own figures are known."""

    target: str
    trips: bool
    ruby_exact: bool
    why: str
    python: TallyShown
    ruby: TallyShown


class RouteChange(TypedDict):
    """A change of the routing table."""

    version: int
    at: str
    by: str
    what: str


class MigratePage(TypedDict):
    """The routing table, its brakes and latest changes. ``aside``: jobs that lie aside for Python, by queue; ``faults``: what could not be read."""

    rules: list[RouteShown]
    table_version: int | None
    brakes: list[BrakeShown]
    more_brakes: int
    changes: list[RouteChange]
    aside: dict[str, int]
    faults: list[str]
    least: int
    match: str | None


class DayTally(TallyShown):
    """A ``TallyShown`` of one day, and how long its jobs took."""

    milliseconds: float


class LedgerDay(TypedDict):
    """What each side performed in a day."""

    day: str
    python_percent: float
    python: DayTally
    ruby: DayTally


_LedgerClass = TypedDict("_LedgerClass", {"class": str})


class LedgerLine(_LedgerClass):
    """A class. ``safe_to_delete_in_ruby`` is null where that cannot be known; ``jobs``: how many there are, by place."""

    rule: dict[str, Any] | None
    target: str | None
    performed: int
    python_percent: float | None
    days: list[LedgerDay]
    last_by_ruby: str | None
    last_by_python: str | None
    jobs: dict[str, int]
    safe_to_delete_in_ruby: bool | None
    safe_since: str | None
    why: str


class LedgerPage(TypedDict):
    """The ledger of the move. ``complete``: whether every job was read; ``guarded``: when a Ruby worker last counted one."""

    classes: list[LedgerLine]
    total: int
    start: int
    per: int
    q: str | None
    complete: bool
    guarded: str | None
    read: int
    notes: list[str]


class LedgerClassPage(TypedDict):
    """The ledger of one class, day by day."""

    line: LedgerLine
    complete: bool
    read: int


class CoveragePage(TypedDict):
    """Which classes the application performs, some of ``total``. ``registered``: how many handlers it has."""

    percent: float
    sampled: bool
    jobs_of_other_classes: int
    classes: list[dict[str, Any]]
    handlers_never_seen: list[str]
    total: int
    registered: int
    start: int
    per: int
    complete: bool
    read: int
    notes: list[str]
