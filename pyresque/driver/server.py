"""The address of the Redis server, and the user and password for it. A driver asks for them at each connection that it opens.

The address comes from the URL, from Sentinels (the master), or from a cluster's nodes (the node that has the namespace's slot). User
and password come from the URL or from a provider of credentials. ``find`` blocks: an awaiting driver calls it in a thread if
``find_blocks``.
"""

from __future__ import annotations

from time import monotonic

from pyresque.driver.credentials import Login, Provider
from pyresque.driver.hash_tag import check_tag
from pyresque.driver.url import address_in, no_address
from pyresque.errors import ConnectionFault, NotCarriedOut, RedisUnavailable
from pyresque.lightweight import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyresque.driver.url import RedisUrl

#: Seconds that one Sentinel or node has to answer. After them the next one is asked.
ASKED = 1.0

#: If a driver asks again within this many seconds, the last answer was of no use: another Sentinel is asked first.
AGAIN = 2.0

#: Seconds between two questions to the Sentinels for the present master.
LOOK = 0.5

#: Seconds after a promotion for which a Sentinel that still names the former master is behind the others.
BEHIND = 10.0

#: Seconds for which a Sentinel that did not answer is left out of these questions.
SILENT = 30.0


class Server:
    """One server at a fixed address."""

    #: Whether ``find`` may wait for a reply from the network or from a provider.
    find_blocks = False

    #: Whether another server may replace the present one. The driver then sends refused commands again, to that server.
    retries_redirects = False

    #: Whether ``is_outdated`` asks the Sentinels from time to time.
    polls_sentinels = False

    def __init__(self, url: RedisUrl, credentials: Any = None) -> None:
        """Keep the URL; opens no connection. ``credentials`` is a provider of user and password."""
        self.url = url
        self.where = url.where
        self._provider = (
            None if credentials is None else Provider(credentials, url.where, url.connect_timeout)
        )
        self._login = Login(url.username, url.password)
        self.find_blocks = self.find_blocks or credentials is not None

    def login(self) -> Login:
        """Return user and password: the provider's present ones, else the URL's. Raises RedisUnavailable, ConnectionFault."""
        if self._provider is not None:
            return self._provider.login()
        return self._login

    async def login_async(self) -> Login:
        """Return what ``login`` returns, without blocking the event loop."""
        if self._provider is not None:
            return await self._provider.login_async()
        return self.login()

    def find(self, login: Login | None = None) -> RedisUrl:
        """Return the address, user and password to connect with now. Raises RedisUnavailable, ConnectionFault."""
        if login is None and self._provider is None:
            return self._address(self._login)  # the URL has user and password
        login = login or self.login()
        return _logged_in(self._address(login), login)

    def is_outdated(self, to: RedisUrl) -> bool:
        """Whether new connections go to another server than this one, so that the connection to it should be closed."""
        del to
        return False

    def moved(self, host: str, port: int) -> bool:
        """Note the address in a MOVED reply. Returns whether the next connection goes to another address."""
        del host, port
        return True

    def at(self, node: tuple[str, int], login: Login | None = None) -> RedisUrl:
        """Return how to connect to the server at this address. Raises RedisUnavailable, ConnectionFault."""
        return _logged_in(self.url.at(*node), login or self.login())

    def _address(self, login: Login) -> RedisUrl:
        del login
        return self.url


class SentinelServer(Server):
    """The master that Sentinels name; the URL has their addresses and the master's name."""

    find_blocks = retries_redirects = polls_sentinels = True

    def __init__(self, url: RedisUrl, credentials: Any = None) -> None:
        """Keep the Sentinels' addresses; opens no connection."""
        super().__init__(url, credentials)
        self._nodes = list(url.nodes)
        self._answered = -AGAIN
        self._master_now: tuple[str, int] | None = None
        self._former: tuple[str, int] | None = None
        self._changed = 0.0
        self._looked = 0.0
        self._silent: dict[tuple[str, int], float] = {}

    def is_outdated(self, to: RedisUrl) -> bool:
        """Whether a Sentinel names another master. Sentinels promote the new master seconds before they demote the old one.

        At most every LOOK seconds one caller asks the Sentinels on behalf of all connections, in turn, until one names another
        master: the Sentinel that leads the failover knows it first. A Sentinel that does not answer is left out for SILENT seconds.
        """
        now = monotonic()
        if now - self._looked > LOOK:
            self._looked = now
            for node in self._nodes:
                if self._silent.get(node, 0.0) > now:
                    continue
                try:
                    found = self._master(node)
                    if found is None or found == self._master_now:
                        continue  # a provider of credentials is not asked for this
                    login = self.login()
                    if self._is_behind(found, login):
                        continue
                    self._note(self._checked(found, login))
                    break
                except RedisUnavailable:
                    self._silent[node] = now + SILENT
        return self._master_now is not None and (to.host, to.port) != self._master_now

    def _is_behind(self, found: tuple[str, int], login: Login) -> bool:
        """Whether a Sentinel has not heard of the last promotion yet: the former master still says that it is one.

        It leads again if the present master has become its replica.
        """
        if found != self._former or monotonic() - self._changed >= BEHIND:
            return False
        try:
            return self._master_now is None or self._leader(self._master_now, login) != found
        except RedisUnavailable:
            return True

    def _note(self, master: tuple[str, int]) -> None:
        if master != self._master_now:
            self._former, self._changed = self._master_now, monotonic()
            self._master_now = master

    def _address(self, login: Login) -> RedisUrl:
        """Ask the Sentinels in turn, first the one that answered last; then ask the server that they name for its ROLE."""
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
            if self._is_behind(found, login):
                troubles.append(f"{node[0]}:{node[1]} names the former master")
                continue
            try:
                master = self._checked(found, login)
            except RedisUnavailable as error:
                named = f"{found[0]}:{found[1]}"
                troubles.append(f"{node[0]}:{node[1]} names {named}: {_reason(error)}")
                continue
            self._nodes = [node, *(other for other in nodes if other != node)]
            self._answered = self._looked = monotonic()
            self._note(master)
            return self.url.at(*master)
        fault = ConnectionFault if unknown == len(nodes) else NotCarriedOut
        raise fault(f"Redis at {self.where}: no Sentinel tells the master: {'; '.join(troubles)}")

    def _checked(self, found: tuple[str, int], login: Login) -> tuple[str, int]:
        """Return the address, if the server there is a master; else the address of the master that it replicates.

        A demoted master names its successor before the Sentinels do. A user who may not send ROLE gets the address unchecked.
        """
        leader = self._leader(found, login)
        if leader is None:
            return found
        if self._leader(leader, login) is None:
            return leader
        raise RedisUnavailable(f"{found[0]}:{found[1]} is no master now")

    def _leader(self, address: tuple[str, int], login: Login) -> tuple[str, int] | None:
        """Return the address of the master that a replica has; None if the server is a master itself."""
        asked = _logged_in(_node(self.url, address), login)
        try:
            (role,) = _answers(asked, ("ROLE",))
        except ConnectionFault:
            return None
        if not isinstance(role, list) or role[:1] != [b"slave"]:
            return None
        return address_in(role[1:3], asked.where, "ROLE")

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
        return address_in(reply, asked.where, "the name of a master")


class ClusterServer(Server):
    """The node of a cluster that has the slot of a namespace."""

    find_blocks = retries_redirects = True

    def __init__(self, url: RedisUrl, namespace: str, credentials: Any = None) -> None:
        """Keep the nodes' addresses; opens no connection. Raises ClusterFault if the namespace's keys would be in several slots."""
        super().__init__(url, credentials)
        check_tag(namespace, self.where)
        self._namespace = namespace
        self._nodes = list(url.nodes)
        self._last = url.nodes[0]
        self._moved: tuple[str, int] | None = None

    def moved(self, host: str, port: int) -> bool:
        """Note the address in a MOVED reply: the next connection goes there. Returns whether it differs from the present one.

        An empty host means the present host.
        """
        address = (host or self._last[0], port)
        other = address != self._last
        if other:
            self._moved = address
        return other

    def at(self, node: tuple[str, int], login: Login | None = None) -> RedisUrl:
        """Return how to connect to this node; an empty host means the present host. Raises RedisUnavailable, ConnectionFault."""
        return super().at((node[0] or self._last[0], node[1]), login)

    def _address(self, login: Login) -> RedisUrl:
        """Return the address in the last MOVED reply, once; else ask the nodes until one answers."""
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
        try:
            for first, last, master, *_ in slots if isinstance(slots, list) else ():
                address = address_in(
                    [master[0] or node[0].encode(), master[1]], asked.where, "CLUSTER SLOTS"
                )
                if address not in known:
                    known.append(address)
                if isinstance(slot, int) and first <= slot <= last:
                    owner = address
        except (TypeError, ValueError, IndexError):
            raise no_address(slots, asked.where, "CLUSTER SLOTS") from None
        self._nodes = [*known, *(other for other in self.url.nodes if other not in known)]
        return owner


def server_for(url: RedisUrl, namespace: str, credentials: Any = None) -> Server:
    """Return the Server of a URL. Raises ClusterFault for a cluster whose keys would be in several slots."""
    if url.kind == "sentinel":
        return SentinelServer(url, credentials)
    if url.kind == "cluster":
        return ClusterServer(url, namespace, credentials)
    return Server(url, credentials)


def _logged_in(to: RedisUrl, login: Login) -> RedisUrl:
    return replace(to, username=login.username, password=login.password)


def _node(url: RedisUrl, node: tuple[str, int]) -> RedisUrl:
    limit = min(url.connect_timeout, ASKED)
    return replace(url.at(*node), connect_timeout=limit, reply_timeout=limit)


def _answers(to: RedisUrl, *commands: tuple[str, ...]) -> list[object]:
    """Send commands to one Sentinel or node on a connection of their own; return the replies. Raises RedisUnavailable, ConnectionFault."""
    from pyresque.driver.connection import Connection  # noqa: PLC0415 - it imports driver.url
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
    """Return an error's text without the address in front."""
    return str(error).rpartition("): ")[2] or str(error)
