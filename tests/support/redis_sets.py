"""Sets of Redis servers: a master with replicas behind Sentinels, and a cluster of three nodes."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any

import redis

from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer, free_port, redis_client, redis_executable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOTS = 16384

#: The name by which the Sentinels know their master.
MASTER = "mymaster"

#: A replica is sent its first copy at once, not after five seconds.
AT_ONCE = ("--repl-diskless-sync-delay", "0")


class Sentinel:
    """One Sentinel, which monitors the master at a port of this machine."""

    def __init__(self, folder: Path, master: int, *lines: str) -> None:
        self.port = free_port()
        conf = folder / f"sentinel-{self.port}.conf"
        conf.write_text(
            "\n".join(
                [
                    *(f"port {self.port}", f"dir {folder}", "bind 127.0.0.1", 'logfile ""'),
                    f"sentinel monitor {MASTER} 127.0.0.1 {master} 2",
                    f"sentinel down-after-milliseconds {MASTER} 2000",
                    f"sentinel failover-timeout {MASTER} 10000",
                    *lines,
                    "",
                ]
            )
        )
        self._process = subprocess.Popen(
            [redis_executable(), str(conf), "--sentinel"], stdout=subprocess.DEVNULL
        )

    def client(self) -> redis.Redis:
        return redis_client(f"redis://127.0.0.1:{self.port}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class SentinelSet:
    """A master, two replicas and three Sentinels; ``servers`` by their ports, whoever leads."""

    def __init__(self, folder: Path, *options: str, lines: tuple[str, ...] = ()) -> None:
        self.servers: dict[int, RedisServer] = {}
        self.sentinels: list[Sentinel] = []
        try:
            first = self._start(folder, options)
            for _ in range(2):
                self._start(folder, ("--replicaof", f"127.0.0.1 {first.port}", *options))
            for _ in range(3):
                self.sentinels.append(Sentinel(folder, first.port, *lines))
        except BaseException:
            self.close()
            raise

    def _start(self, folder: Path, options: tuple[str, ...]) -> RedisServer:
        server = RedisServer(folder, *AT_ONCE, *options)
        self.servers[server.port] = server
        return server

    def wait_until_it_stands(self) -> None:
        """Until every Sentinel knows the others and both replicas, which have their copies."""

        def stands() -> bool:
            with contextlib.suppress(redis.RedisError):
                known = [self.known_by(each) for each in self.sentinels]
                links = self.master().info("replication")
                online = [links.get(f"slave{at}", {}).get("state") for at in range(2)]
                return online == ["online"] * 2 and all(
                    one["num-other-sentinels"] == 2
                    and one["num-slaves"] == 2
                    and one["flags"] == "master"
                    and one["port"] == known[0]["port"]
                    for one in known
                )
            return False

        eventually(stands, within=60)

    def mend(self) -> None:
        """Start whoever was killed, as a replica of the one that leads now."""
        leader = self.leader()
        for server in self.servers.values():
            with server.client() as client, contextlib.suppress(redis.ConnectionError):
                client.ping()
                continue
            server.start()
            with server.client() as client:
                client.replicaof("127.0.0.1", leader.port)
        self.wait_until_it_stands()

    def known_by(self, sentinel: Sentinel) -> dict[str, Any]:
        """What a Sentinel knows of the master."""
        with sentinel.client() as client:
            known: dict[str, Any] = client.sentinel_master(MASTER)
        return known

    @property
    def nodes(self) -> str:
        """The Sentinels' addresses, as a URL has them."""
        return ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)

    @property
    def url(self) -> str:
        return f"redis+sentinel://{self.nodes}/{MASTER}/0"

    def leader(self) -> RedisServer:
        """The server that the first Sentinel names."""
        with self.sentinels[0].client() as client:
            _, port = client.sentinel_get_master_addr_by_name(MASTER)
        return self.servers[int(port)]

    def master(self) -> redis.Redis:
        return self.leader().client()

    def replicas(self) -> list[RedisServer]:
        leader = self.leader()
        return [server for server in self.servers.values() if server is not leader]

    def described(self) -> str:
        """Each server's role and keys, and the master that each Sentinel names: for a test that failed."""
        lines = []
        for port, server in self.servers.items():
            with server.client() as client, contextlib.suppress(redis.ConnectionError):
                kept = {key: client.type(key) for key in client.scan_iter()}
                lines.append(f"{port}: {client.execute_command('ROLE')} {kept}")
        lines += [f"Sentinel {each.port}: {self.known_by(each)}" for each in self.sentinels]
        return "\n".join(lines)

    def close(self) -> None:
        for part in [*self.sentinels, *self.servers.values()]:
            part.kill()


class Cluster:
    """Three nodes with a third of the slots each."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.nodes: list[RedisServer] = []
        try:
            for at in range(3):
                own = ("--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{at}.conf")
                self.nodes.append(RedisServer(folder, *own, *AT_ONCE, *options))
            self._join()
        except BaseException:
            self.close()
            raise

    def _join(self) -> None:
        """Give each node its third, and let them meet."""
        bounds = [SLOTS * at // 3 for at in range(4)]
        clients = [node.client() for node in self.nodes]
        self.ids = [str(client.cluster("myid").decode()) for client in clients]
        for at, client in enumerate(clients):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[at], bounds[at + 1] - 1)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", at + 1)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        eventually(lambda: all(self._whole(client) for client in clients))
        for client in clients:
            client.close()

    @staticmethod
    def _whole(client: redis.Redis) -> bool:
        slots = client.execute_command("CLUSTER", "SLOTS")
        state = client.cluster("info")["cluster_state"]
        return len(slots) == 3 and state == "ok"

    @property
    def url(self) -> str:
        first, second, _ = self.nodes
        return f"redis+cluster://127.0.0.1:{first.port},127.0.0.1:{second.port}/"

    def owner(self, key: str) -> int:
        """Which node has a key's slot."""
        with self.nodes[0].client() as client:
            slot = client.cluster("keyslot", key)
            for first, last, (_, port, *_), *_ in client.execute_command("CLUSTER", "SLOTS"):
                if first <= slot <= last:
                    return [node.port for node in self.nodes].index(port)
        raise AssertionError(f"no node has slot {slot}")

    def move(self, key: str, to: int) -> Iterator[int]:
        """Move a key's slot to a node, key by key; gives how many keys are left to move, before each few."""
        at = self.owner(key)
        clients = [node.client() for node in self.nodes]
        source, target = clients[at], clients[to]
        slot = source.cluster("keyslot", key)
        target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", self.ids[at])
        source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", self.ids[to])
        while keys := source.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 3):
            yield len(keys)
            for one in keys:
                source.execute_command("MIGRATE", "127.0.0.1", self.nodes[to].port, one, 0, 5000)
        rest = [client for client in clients if client not in (source, target)]
        for client in (target, source, *rest):
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", self.ids[to])
        for client in clients:
            client.close()

    def client(self, key: str) -> redis.Redis:
        """A client of the node that has a key's slot."""
        return self.nodes[self.owner(key)].client()

    def flush(self) -> None:
        for node in self.nodes:
            with node.client() as client:
                client.flushall()
                client.script_flush()

    def close(self) -> None:
        for node in self.nodes:
            node.kill()
