"""Movers, removers and Ruby clients at the same time, in every order that Hypothesis thinks of: each job ends in one place."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pyresque.client import Resque
from pyresque.ops import Command, Op

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from pyresque.driver.sync import SyncDriver

AT = 5

Act: TypeAlias = "Callable[[Resque], Op[Any]]"


class Hooked:
    """Its hook gives others a turn between the look and the move."""

    queue = "hooked"

    @staticmethod
    def before_enqueue_pause(number: int) -> None:
        """Say nothing."""

    @staticmethod
    def perform(number: int) -> None:
        """Do nothing."""


def plain(number: int) -> None:
    """Do nothing."""


def target(number: int) -> str:
    return "Hooked" if number % 2 else "Plain"


def queue(number: int) -> str:
    return "hooked" if number % 2 else "plain"


def payload(number: int) -> bytes:
    return b'{"class":"%s","args":[%d],"queue":"%s"}' % (
        target(number).encode(),
        number,
        queue(number).encode(),
    )


class Turns:
    """One operation, carried request by request."""

    def __init__(self, operation: Op[Any], driver: SyncDriver) -> None:
        self.operation, self.driver = operation, driver
        self.result: Any = None
        self.over = False
        self._go_on(lambda: operation.send(None))

    def take(self) -> None:
        """Answer the next request."""
        try:
            answer = self.driver.answer(self.request)
        except Exception as error:  # noqa: BLE001 - it is the operation's to deal with
            raised = error
            self._go_on(lambda: self.operation.throw(raised))
        else:
            self._go_on(lambda: self.operation.send(answer))

    def _go_on(self, step: Callable[[], Any]) -> None:
        try:
            self.request = step()
        except StopIteration as stop:
            self.result, self.over = stop.value, True


async def as_ruby_pushes(number: int, at: int) -> None:
    """Three commands, one after another, as resque-scheduler sends them."""
    await Command(("RPUSH", f"resque:delayed:{at}", payload(number)))
    await Command(("SADD", b"resque:timestamps:" + payload(number), f"delayed:{at}"))
    await Command(("ZADD", "resque:delayed_queue_schedule", at, at))


numbers = st.integers(0, 5)
times = st.integers(AT, AT + 2)
ACTS = st.one_of(
    st.tuples(st.just("move")),
    st.tuples(st.just("remove"), numbers),
    st.tuples(st.just("remove_from"), numbers, times),
    st.tuples(st.just("enqueue_now"), numbers),
    st.tuples(st.just("next"), times),
    st.tuples(st.just("clean"), times),
    st.tuples(st.just("push"), numbers, times),
    st.tuples(st.just("ruby"), numbers, times),
)


def started(act: tuple[Any, ...], resque: Resque) -> Op[Any]:
    delayed = resque.core.delayed
    kind, *rest = act
    if kind == "ruby":
        return as_ruby_pushes(*rest)
    number = rest[0] if rest else 0
    acts: dict[str, Act] = {
        "move": lambda r: delayed.move_due(AT + 9),
        "remove": lambda r: delayed.remove_delayed(target(number), number),
        "remove_from": lambda r: delayed.remove_delayed_job_from_timestamp(
            rest[1], target(number), number
        ),
        "enqueue_now": lambda r: delayed.enqueue_delayed(target(number), number),
        "next": lambda r: delayed.next_item_for_timestamp(number),
        "clean": lambda r: delayed.clean_up_timestamp(number),
        "push": lambda r: delayed.delayed_push(
            rest[1], {"class": target(number), "args": [number], "queue": queue(number)}
        ),
    }
    return acts[kind](resque)


def entered_by(act: tuple[Any, ...]) -> dict[int, int]:
    """The jobs an act brought in."""
    return {act[1]: 1} if act[0] in {"push", "ruby"} else {}


def removed_by(act: tuple[Any, ...], result: Any) -> dict[int, int]:
    """The jobs an act took out for good."""
    if act[0] in {"remove", "remove_from"}:
        return {act[1]: result}
    return {result["args"][0]: 1} if act[0] == "next" and result is not None else {}


@pytest.fixture(scope="module")
def resque(redis_server: Any) -> Iterator[Resque]:
    with Resque(redis_server.url, delayed_requeue_batch_size=2) as made:
        made.job(Hooked)
        made.job(queue="plain")(plain)
        yield made


@given(
    before=st.lists(st.tuples(numbers, times), min_size=1, max_size=8),
    acts=st.lists(ACTS, min_size=2, max_size=5),
    order=st.lists(st.integers(0, 4), max_size=40),
)
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_each_job_is_moved_or_removed_once_whoever_else_is_at_it(
    resque: Resque,
    db: redis.Redis,
    before: list[tuple[int, int]],
    acts: list[tuple[Any, ...]],
    order: list[int],
) -> None:
    db.flushall()
    entered: Counter[int] = Counter()
    for number, at in before:
        resque.run(as_ruby_pushes(number, at))
        entered[number] += 1
    turns = [Turns(started(act, resque), resque.driver) for act in acts]
    for which in order:
        one = turns[which % len(turns)]
        if not one.over:
            one.take()
    for one in turns:
        while not one.over:
            one.take()
    resque.move_due(AT + 9)

    for act, one in zip(acts, turns, strict=True):
        entered.update(entered_by(act))
        entered.subtract(removed_by(act, one.result))
    for name in ("hooked", "plain"):
        entered.subtract(job.args[0] for job in resque.peek(name, 0, 0))
    assert set(entered.values()) <= {0}
    assert db.keys("resque:delayed*") == []
    assert resque.failures.count() == 0
