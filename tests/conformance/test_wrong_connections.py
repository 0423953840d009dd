"""A URL that leads nowhere, or to the wrong server, raises one message that says what to do."""

from __future__ import annotations

import inspect
import os
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
import redis.sentinel

from pyresque import AsyncResque, Resque
from pyresque.errors import (
    ClusterFault,
    ConnectError,
    ConnectionFault,
    RedisUnavailable,
    SettingsError,
)
from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.redis_server import free_port
from tests.support.redis_sets import MASTER, Cluster, Sentinel, SentinelSet

if TYPE_CHECKING:
    from pathlib import Path

FACES = [Resque, AsyncResque]


async def sized(face: Any) -> Any:
    try:
        answer = face.size("low")
        return await answer if inspect.isawaitable(answer) else answer
    finally:
        closing = face.close()
        if inspect.isawaitable(closing):
            await closing


async def enqueued(face: Any) -> None:
    answer = face.enqueue_to("low", "Note")
    if inspect.isawaitable(answer):
        await answer


URLS = {
    "redis+sentinel://": "an address of a node is missing",
    "redis+sentinel://h:1": "the master's name is missing",
    "redis+sentinel://h:1,/m/0": "an address of a node is missing",
    "redis+sentinel://h:x/m/0": "its port is no number",
    "redis+cluster://h:1/2": "a cluster has database 0 alone",
    "redis+cluster://h:99999/": "its port is no number",
    "redis://h/0?sentinel_password=x": "belong to redis\\+sentinel://",
    "redis+sentinels://h/m": "is no Redis URL: it must begin with",
    "http://h": "is no Redis URL",
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("url", URLS)
async def test_a_url_of_a_wrong_form_is_refused(face: Any, url: str) -> None:
    with pytest.raises(ConnectError, match=URLS[url]):
        await sized(face(url, namespace="{resque}"))


@pytest.mark.parametrize("face", FACES)
async def test_a_master_that_no_sentinel_knows_is_a_fault(
    sentinel_set: SentinelSet, face: Any
) -> None:
    with pytest.raises(ConnectionFault, match="knows no master 'other'"):
        await sized(face(sentinel_set.url.replace(MASTER, "other")))


@pytest.mark.parametrize("face", FACES)
async def test_sentinels_that_are_all_gone_are_named_each(face: Any) -> None:
    ports = [free_port(), free_port()]
    nodes = ",".join(f"127.0.0.1:{port}" for port in ports)
    with pytest.raises(RedisUnavailable, match="no Sentinel tells the master") as caught:
        await sized(face(f"redis+sentinel://{nodes}/{MASTER}/0"))
    assert not isinstance(caught.value, ConnectionFault), "it may come back"
    assert all(str(port) in str(caught.value).partition("tells")[2] for port in ports)


@pytest.mark.process
@pytest.mark.parametrize("face", FACES)
async def test_a_master_that_a_sentinel_names_and_that_is_gone_is_named(
    tmp_path: Path, face: Any
) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", sentinel.port)) == 0

    gone = free_port()
    sentinel = Sentinel(tmp_path, gone)
    try:
        eventually(listens)
        node = f"127.0.0.1:{sentinel.port}"
        with pytest.raises(RedisUnavailable, match=rf"{node} names 127.0.0.1:{gone}: \[Errno"):
            await sized(face(f"redis+sentinel://{node}/{MASTER}/0"))
    finally:
        sentinel.kill()


@pytest.mark.process
@pytest.mark.parametrize("face", FACES)
async def test_a_sentinel_that_names_a_replica_does_not_lead_there(
    sentinel_set: SentinelSet, tmp_path: Path, face: Any
) -> None:
    sentinel_set.mend()
    with sentinel_set.master() as master:
        master.flushall()
    wrong = Sentinel(tmp_path, sentinel_set.replicas()[0].port)
    try:
        nodes = f"127.0.0.1:{wrong.port},{sentinel_set.nodes}"
        assert await sized(face(f"redis+sentinel://{nodes}/{MASTER}/0")) == 0
    finally:
        wrong.kill()


@pytest.mark.parametrize("face", FACES)
async def test_a_replica_given_as_master_refuses_to_write_and_counts_as_away(
    sentinel_set: SentinelSet, face: Any
) -> None:
    made = face(sentinel_set.replicas()[0].url)
    with pytest.raises(RedisUnavailable, match="cannot serve now: READONLY"):
        await enqueued(made)
    closing = made.close()
    if inspect.isawaitable(closing):
        await closing


@pytest.mark.parametrize("face", FACES)
async def test_a_cluster_whose_slot_nobody_has_is_away(cluster: Cluster, face: Any) -> None:
    slot = 0
    with cluster.nodes[0].client() as node:
        slot = node.cluster("keyslot", "{resque}")
    at = cluster.owner("{resque}")
    clients = [node.client() for node in cluster.nodes]
    try:
        for client in clients:
            client.execute_command("CLUSTER", "DELSLOTS", slot)
        with pytest.raises(
            RedisUnavailable, match=r"no node of the cluster can be used|CLUSTERDOWN"
        ):
            await sized(face(cluster.url, namespace="{resque}"))
    finally:
        clients[at].execute_command("CLUSTER", "ADDSLOTS", slot)
        for client in clients:
            while client.cluster("info")["cluster_state"] != "ok":
                pass
            client.close()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("namespace", ["resque", "{}resque", "resque}{"])
async def test_a_namespace_without_a_hash_tag_is_refused_in_a_cluster(
    cluster: Cluster, face: Any, namespace: str
) -> None:
    with pytest.raises(ClusterFault) as caught:
        await sized(face(cluster.url, namespace=namespace))
    said = str(caught.value)
    assert f"RESQUE_NAMESPACE={{{namespace}}} here" in said
    assert "Resque.redis" in said


async def test_a_client_of_a_cluster_needs_the_tag_too(cluster: Cluster) -> None:
    client = redis.RedisCluster(host="127.0.0.1", port=cluster.nodes[0].port)
    with pytest.raises(ClusterFault, match=r"RESQUE_NAMESPACE=\{resque\} here"):
        Resque(redis=client).size("low")
    client.close()


APP = """
from pyresque import Resque
resque = Resque()
@resque.job("Note", queue="low")
def note(): ...
"""


@pytest.mark.process
@pytest.mark.parametrize(
    "words", [("worker", "-q", "low"), ("worker", "-q", "*", "--executor", "async"), ("scheduler",)]
)
@pytest.mark.parametrize("node", [0, 1, 2, "cluster"])
def test_a_process_that_finds_a_cluster_ends_with_2_and_a_last_line_that_says_what_to_do(
    cluster: Cluster, tmp_path: Path, words: tuple[str, ...], node: Any
) -> None:
    (tmp_path / "plain_app.py").write_text(APP)
    done = subprocess.run(
        [sys.executable, "-m", "pyresque", *words, "-A", "plain_app"],
        env={
            **os.environ,
            "REDIS_URL": cluster.url if node == "cluster" else cluster.nodes[node].url,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "{resque}" in line
    assert "Resque.redis" in line
    assert "Traceback" not in done.stdout + done.stderr


WRONG_CLIENTS: dict[str, tuple[Any, str]] = {
    "an object": (object(), "an object of type builtins.object is no client: give one of redis-py"),
    "a class": (redis.Redis, "is no client"),
    "a URL": ("redis://localhost", "an object of type builtins.str is no client"),
    "Sentinels": (redis.sentinel.Sentinel([("h", 1)]), "give its master_for"),
    "a pipeline": (redis.Redis().pipeline(), "is no client"),
    "what only looks like one": (
        SimpleNamespace(execute_command=print, pipeline=print, connection_pool=None),
        "tells no connection_kwargs",
    ),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("wrong", WRONG_CLIENTS)
def test_what_is_no_client_is_refused(face: Any, wrong: str) -> None:
    given, message = WRONG_CLIENTS[wrong]
    with pytest.raises(SettingsError, match=message):
        face(redis=given)


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"password": 123}, "redis://:123@localhost:6379/0"),
        ({"password": b"a@\xff"}, "redis://:a%40%FF@localhost:6379/0"),
        ({"host": None}, "redis://localhost:6379/0"),
    ],
)
def test_a_worker_reads_whatever_a_client_takes(options: dict[str, Any], url: str) -> None:
    assert Resque(redis=redis.Redis(**options)).settings.url.partition("?")[0] == url


def test_a_client_of_the_other_kind_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match=r"is awaited; give it to AsyncResque"):
        Resque(redis=redis.asyncio.Redis())
    with pytest.raises(SettingsError, match=r"blocks; give it to Resque"):
        AsyncResque(redis=redis.Redis())


@pytest.mark.parametrize("face", FACES)
def test_a_client_and_a_url_together_are_refused(face: Any) -> None:
    client = redis.Redis() if face is Resque else redis.asyncio.Redis()
    with pytest.raises(SettingsError, match="give either a client or a URL, not both"):
        face("redis://localhost", redis=client)
