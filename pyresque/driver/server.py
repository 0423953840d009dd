"""Where the server is now, and who we are there: asked whenever a connection is made.

A URL answers for one server, Sentinels for their master, a cluster's nodes for the one that has the namespace's slot; a provider
of credentials for user and password. ``find`` blocks; an awaiting driver calls it in a thread where it may wait.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from pyresque.driver.credentials import Login, Provider
from pyresque.errors import ClusterFault, ConnectionFault, NotCarriedOut, RedisUnavailable

if TYPE_CHECKING:
    from typing import Any

    from pyresque.driver.url import RedisUrl

#: Seconds in which one Sentinel or node has to answer: the next one is asked then.
ASKED = 1.0

#: Seconds after an answer in which the question is taken to mean that the answer was of no use: another one is asked first.
AGAIN = 2.0


#: Seconds between two questions to Sentinels whether another master was promoted.
LOOK = 0.5

#: Seconds for which a Sentinel that did not answer is not asked that.
SILENT = 30.0


class Server:
    """One server at a fixed address."""

    #: Whether ``find`` may wait for somebody.
    find_blocks = False

    #: Whether another server may take the place of the present one: refused commands are then sent again, to that one.
    retries_redirects = False

    #: Whether ``is_outdated`` asks somebody from time to time.
    polls_sentinels = False

    def __init__(self, url: RedisUrl, credentials: Any = None) -> None:
        """Connect to nothing; ``credentials`` is a provider of user and password."""
        self.url = url
        self.where = url.where
        self._provider = (
            None if credentials is None else Provider(credentials, url.where, url.connect_timeout)
        )
        self.find_blocks = self.find_blocks or credentials is not None

    def login(self) -> Login:
        """Who we are there: what the provider gives now, else what the URL says. Raises RedisUnavailable, ConnectionFault."""
        if self._provider is not None:
            return self._provider.login()
        return Login(self.url.username, self.url.password)

    async def login_async(self) -> Login:
        """The answer of ``login``, awaited."""
        if self._provider is not None:
            return await self._provider.login_async()
        return self.login()

    def find(self, login: Login | None = None) -> RedisUrl:
        """The server to connect to now. Raises RedisUnavailable, ConnectionFault."""
        login = login or self.login()
        return _logged_in(self._address(login), login)

    def is_outdated(self, to: RedisUrl) -> bool:
        """Whether the server that a connection leads to is no longer the one to connect to."""
        del to
        return False

    def moved(self, host: str, port: int) -> bool:
        """Heed MOVED; whether the next connection goes to another address."""
        del host, port
        return True

    def at(self, node: tuple[str, int], login: Login | None = None) -> RedisUrl:
        """The server at this address. Raises RedisUnavailable, ConnectionFault."""
        return _logged_in(self.url.at(*node), login or self.login())

    def _address(self, login: Login) -> RedisUrl:
        del login
        return self.url


class SentinelServer(Server):
    """The master that Sentinels know by a name."""

    find_blocks = retries_redirects = polls_sentinels = True

    def __init__(self, url: RedisUrl, credentials: Any = None) -> None:
        """Ask nobody yet."""
        super().__init__(url, credentials)
        self._nodes = list(url.nodes)
        self._answered = -AGAIN
        self._master_now: tuple[str, int] | None = None
        self._looked = 0.0
        self._silent: dict[tuple[str, int], float] = {}

    def is_outdated(self, to: RedisUrl) -> bool:
        """Whether Sentinels name another master: they promote one seconds before they demote the other.

        They are asked each LOOK seconds, by whoever comes first for all connections, until one names another master than ours:
        the one that leads a failover knows it first. One that does not answer is left out for SILENT seconds.
        """
        now = monotonic()
        if now - self._looked > LOOK:
            self._looked = now
            for node in self._nodes:
                if self._silent.get(node, 0.0) > now:
                    continue
                try:
                    found = self._master(node)
                    if found is not None and found != self._master_now:
                        self._master_now = self._checked(found, self.login())
                        break
                except RedisUnavailable:
                    self._silent[node] = now + SILENT
        return self._master_now is not None and (to.host, to.port) != self._master_now

    def _address(self, login: Login) -> RedisUrl:
        """Ask the Sentinels in turn, first the one that answered last, and the server that they name for its ROLE."""
        nodes = self._nodes
        if monotonic() - self._answered < AGAIN:
            nodes = [*nodes[1:], nodes[0]]
        troubles, unknown = [], 0
        for node in nodes:
            try:
                found = self._master(node)
            except RedisUnavailable as error:
                troubles.append(f"{node[0]}:{node[1]}: {_reason(error)}")
                continue
            if found is None:
                unknown += 1
                troubles.append(f"{node[0]}:{node[1]} knows no master {self.url.master!r}")
                continue
            try:
                master = self._checked(found, login)
            except RedisUnavailable as error:
                troubles.append(str(error))
                continue
            self._nodes = [node, *(other for other in nodes if other != node)]
            self._answered = self._looked = monotonic()
            self._master_now = master
            return self.url.at(*master)
        fault = ConnectionFault if unknown == len(nodes) else NotCarriedOut
        raise fault(f"Redis at {self.where}: no Sentinel tells the master: {'; '.join(troubles)}")

    def _checked(self, found: tuple[str, int], login: Login) -> tuple[str, int]:
        """The address, if a master is there; else that of the master which a demoted one names: Sentinels hear of it later.

        Whoever may not ask ROLE takes the address as it is.
        """
        leader = self._leader(found, login)
        if leader is None:
            return found
        if self._leader(leader, login) is None:
            return leader
        raise RedisUnavailable(f"{found[0]}:{found[1]} is no master now")

    def _leader(self, address: tuple[str, int], login: Login) -> tuple[str, int] | None:
        """The address of the master that a replica has; None where a master is there itself."""
        asked = _logged_in(_node(self.url, address), login)
        try:
            (role,) = _answers(asked, ("ROLE",))
        except ConnectionFault:
            return None
        if not isinstance(role, list) or role[0] != b"slave":
            return None
        return role[1].decode(), int(role[2])

    def _master(self, node: tuple[str, int]) -> tuple[str, int] | None:
        asked = replace(
            _node(self.url, node),
            username=self.url.sentinel_username,
            password=self.url.sentinel_password,
            db=0,
        )
        (reply,) = _answers(asked, ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.url.master))
        if not isinstance(reply, list):
            return None
        host, port = reply
        return host.decode(), int(port)


class ClusterServer(Server):
    """The node of a cluster that has the slot of a namespace."""

    find_blocks = retries_redirects = True

    def __init__(self, url: RedisUrl, namespace: str, credentials: Any = None) -> None:
        """Ask nobody yet. Raises ClusterFault for a namespace whose keys would be in several slots."""
        super().__init__(url, credentials)
        check_tag(namespace, self.where)
        self._namespace = namespace
        self._nodes = list(url.nodes)
        self._last = url.nodes[0]
        self._moved: tuple[str, int] | None = None

    def moved(self, host: str, port: int) -> bool:
        """Heed MOVED: the next connection goes there, an empty host means the present one's; whether that is another address."""
        address = (host or self._last[0], port)
        other = address != self._last
        if other:
            self._moved = address
        return other

    def at(self, node: tuple[str, int], login: Login | None = None) -> RedisUrl:
        """The node at this address; an empty host is the present one's. Raises RedisUnavailable, ConnectionFault."""
        return super().at((node[0] or self._last[0], node[1]), login)

    def _address(self, login: Login) -> RedisUrl:
        """The address of the last MOVED, once; else what the first node says that answers."""
        moved, self._moved = self._moved, None
        self._last = moved or self._slot_owner(login)
        return self.url.at(*self._last)

    def _slot_owner(self, login: Login) -> tuple[str, int]:
        troubles = []
        for node in self._nodes:
            try:
                owner = self._owner(node, login)
            except ConnectionFault:
                raise
            except RedisUnavailable as error:
                troubles.append(f"{node[0]}:{node[1]}: {_reason(error)}")
                continue
            if owner is not None:
                return owner
            troubles.append(f"{node[0]}:{node[1]} knows no node that has the slot of the namespace")
        raise NotCarriedOut(
            f"Redis at {self.where}: no node of the cluster can be used: {'; '.join(troubles)}"
        )

    def _owner(self, node: tuple[str, int], login: Login) -> tuple[str, int] | None:
        asked = _logged_in(_node(self.url, node), login)
        slot, slots = _answers(asked, ("CLUSTER", "KEYSLOT", self._namespace), ("CLUSTER", "SLOTS"))
        owner, known = None, [node]
        for first, last, master, *_ in slots if isinstance(slots, list) else ():
            address = ((master[0] or b"").decode() or node[0], int(master[1]))
            if address not in known:
                known.append(address)
            if isinstance(slot, int) and first <= slot <= last:
                owner = address
        self._nodes = [*known, *(other for other in self.url.nodes if other not in known)]
        return owner


def server_for(url: RedisUrl, namespace: str, credentials: Any = None) -> Server:
    """Who knows where the server of a URL is. Raises ClusterFault for a cluster whose keys would be in several slots."""
    if url.kind == "sentinel":
        return SentinelServer(url, credentials)
    if url.kind == "cluster":
        return ClusterServer(url, namespace, credentials)
    return Server(url, credentials)


def hash_tag(namespace: str) -> str:
    """The part of a namespace by which a cluster chooses the slot of its keys, as Redis reads it; empty where there is none."""
    _, opened, rest = namespace.partition("{")
    tag, closed, _ = rest.partition("}")
    return tag if opened and closed else ""


def check_tag(namespace: str, where: str) -> None:
    """Raise ClusterFault where the keys of a namespace are in several slots."""
    if hash_tag(namespace):
        return
    raise ClusterFault(
        f"Redis at {where}: a cluster keeps the keys of one job on several nodes unless the namespace has a hash tag: here it is {namespace!r}; "
        f"set RESQUE_NAMESPACE={{{namespace}}} here, and in Ruby give the same namespace, {{{namespace}}}, to Resque.redis"
    )


def _logged_in(to: RedisUrl, login: Login) -> RedisUrl:
    return replace(to, username=login.username, password=login.password)


def _node(url: RedisUrl, node: tuple[str, int]) -> RedisUrl:
    limit = min(url.connect_timeout, ASKED)
    return replace(url.at(*node), connect_timeout=limit, reply_timeout=limit)


def _answers(to: RedisUrl, *commands: tuple[str, ...]) -> list[object]:
    """The replies of one that is asked where the server is. Raises RedisUnavailable, ConnectionFault."""
    from pyresque.driver.connection import Connection  # noqa: PLC0415 - it imports the URL's room
    from pyresque.driver.protocol import checked  # noqa: PLC0415 - as above
    from pyresque.errors import RedisCommandError  # noqa: PLC0415 - as above
    from pyresque.ops import Command  # noqa: PLC0415 - as above

    connection = Connection(to)
    try:
        replies = connection.talk([Command(args) for args in commands])
        return [checked(reply, to.where) for reply in replies]
    except RedisCommandError as error:
        raise ConnectionFault(
            f"Redis at {to.where}: {commands[0][0]} is refused: {error}"
        ) from None
    finally:
        connection.close()


def _reason(error: RedisUnavailable) -> str:
    """What an error says, without the address in front."""
    return str(error).rpartition("): ")[2] or str(error)
