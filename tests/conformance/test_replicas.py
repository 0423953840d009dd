"""``enqueue_replicas``: a verb that enqueues returns when so many replicas have the job, or says that they have not."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from redis.sentinel import Sentinel

from pyresque import AsyncResque, Resque
from pyresque.errors import NotReplicated, WrongKey
from tests.support.redis_sets import MASTER, Cluster, SentinelSet

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = 4102444800


def mailer(*args: Any) -> None: ...


#: Verbs that enqueue, and the length that the job's list has afterwards.
VERBS: dict[str, Any] = {
    "enqueue": lambda r: r.enqueue(mailer, 1),
    "enqueue_to": lambda r: r.enqueue_to("mail", "Other", 1),
    "enqueue_many": lambda r: r.enqueue_many([(mailer, 1)]),
    "create": lambda r: r.create("mail", mailer, 1),
    "push": lambda r: r.push("mail", {"a": 1}),
    "enqueue_at": lambda r: r.enqueue_at(AT, mailer, 1),
    "enqueue_many_at": lambda r: r.enqueue_many_at([(AT, mailer, 1)]),
    "delayed_push": lambda r: r.delayed_push(AT, {"class": "Mailer", "args": [1]}),
    "delay_or_enqueue_at": lambda r: r.delay_or_enqueue_at(AT, mailer, 1),
    "active job": lambda r: r.active_job("Welcome", queue="mail").enqueue(1),
    "active job later": lambda r: (
        r.active_job("Welcome", queue="mail").set(wait_until=AT).enqueue(1)
    ),
}

FACES: dict[str, Any] = {
    "url": lambda s, **o: Resque(s.url, **o),
    "async url": lambda s, **o: AsyncResque(s.url, **o),
    "plain url": lambda s, **o: Resque(s.leader().url, **o),
    "async plain url": lambda s, **o: AsyncResque(s.leader().url, **o),
    "client": lambda s, **o: Resque(redis=redis.Redis(port=s.leader().port), **o),
    "decoding client": lambda s, **o: Resque(
        redis=redis.Redis(port=s.leader().port, decode_responses=True), **o
    ),
    "sentinel client": lambda s, **o: Resque(
        redis=Sentinel([("127.0.0.1", s.sentinels[0].port)]).master_for(MASTER), **o
    ),
}


async def answer(answered: Any) -> Any:
    return await answered if inspect.isawaitable(answered) else answered


@pytest.fixture
def master(sentinel_set: SentinelSet) -> Iterator[redis.Redis]:
    with sentinel_set.master() as client:
        client.flushall()
        yield client


def lists(master: redis.Redis) -> int:
    return master.llen("resque:queue:mail") + master.llen(f"resque:delayed:{AT}")


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("verb", ["enqueue", "enqueue_many", "enqueue_at"])
async def test_each_kind_waits_for_replicas(
    sentinel_set: SentinelSet, master: redis.Redis, face: str, verb: str
) -> None:
    for replicas, enough in ((2, True), (3, False)):
        made = FACES[face](sentinel_set, enqueue_replicas=replicas, enqueue_replica_timeout=0.2)
        made.job("Mailer", queue="mail")(mailer)
        if enough:
            assert await answer(VERBS[verb](made))
        else:
            with pytest.raises(NotReplicated, match="the job is queued, and 2 of 3 replicas have"):
                await answer(VERBS[verb](made))
        await answer(made.close())
        assert lists(master) == replicas - 1, "it is queued either way"


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_that_enqueues_waits(
    sentinel_set: SentinelSet, master: redis.Redis, verb: str
) -> None:
    options: Any = {"enqueue_replicas": 3, "enqueue_replica_timeout": 0.01}
    with Resque(sentinel_set.url, **options) as resque:
        resque.job("Mailer", queue="mail")(mailer)
        with pytest.raises(NotReplicated):
            VERBS[verb](resque)
        assert lists(master) == 1


def test_it_travels_in_the_round_trip_of_the_push(
    sentinel_set: SentinelSet, master: redis.Redis
) -> None:
    with Resque(sentinel_set.leader().url, enqueue_replicas=1) as resque:
        resque.enqueue_to("mail", "Mailer", 0)
        connection = resque.driver._threads.own.connection
        sent: list[int] = []
        talk = connection.talk
        connection.talk = lambda commands: (sent.append(len(commands)), talk(commands))[1]
        resque.enqueue_to("mail", "Mailer", 1)
        assert sent == [3]


def test_a_queue_that_is_no_list_is_told_before_the_replicas(
    sentinel_set: SentinelSet, master: redis.Redis
) -> None:
    master.set("resque:queue:mail", "text")
    options: Any = {"enqueue_replicas": 3, "enqueue_replica_timeout": 0.01}
    with Resque(sentinel_set.url, **options) as resque, pytest.raises(WrongKey):
        resque.enqueue_to("mail", "Mailer", 1)


@pytest.mark.parametrize("face", [Resque, AsyncResque])
async def test_in_a_cluster_it_is_asked_of_the_node_that_took_the_job(
    cluster: Cluster, face: Any
) -> None:
    cluster.flush()
    space = "{resque}"
    options: Any = {"enqueue_replicas": 1, "enqueue_replica_timeout": 0.01}
    made = face(cluster.url, namespace=space, **options)
    at, sent = cluster.owner(space), 0

    async def enqueue() -> int:
        with pytest.raises(NotReplicated, match="0 of 1 replicas"):
            await answer(made.enqueue_to("mail", "Mailer", sent))
        return sent + 1

    sent = await enqueue()
    for _ in cluster.move(space, (at + 1) % 3):
        sent = await enqueue()
    sent = await enqueue()
    await answer(made.close())
    with cluster.client(space) as db:
        assert db.llen(f"{space}:queue:mail") == sent
