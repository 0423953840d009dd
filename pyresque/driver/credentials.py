"""User and password if a provider gives them: it is asked whenever a connection is made.

A provider is a function, plain or ``async def``, that gives the password, or user and password; or an object with redis-py's
``get_credentials`` or ``get_credentials_async``. One that hangs holds up nothing: nobody waits for it longer than for a connection.
"""

from __future__ import annotations

from pyresque.errors import ConnectionFault, RedisUnavailable, SettingsError
from pyresque.lightweight import dataclass, is_awaitable
from pyresque.user_errors import Raised, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


@dataclass(frozen=True, slots=True)
class Login:
    """Who a connection logs in as; with an empty password it does not log in."""

    username: str
    password: str


class Provider:
    """What gives user and password. ``where`` is the server's name in messages, ``seconds`` how long an answer is waited for."""

    def __init__(self, given: Any, where: str, seconds: float) -> None:
        self._given = given
        self._where = where
        self._seconds = seconds
        self._asking: _Question | None = None

    def login(self) -> Login:
        """Ask it in a thread, and wait. Raises RedisUnavailable, ConnectionFault.

        If the thread of an earlier question still waits for the provider, its answer is taken: threads do not pile up.
        """
        asking = self._asking
        if asking is None or not asking.thread.is_alive():
            asking = self._asking = _Question(_method(self._given, awaits=False))
        asking.thread.join(self._seconds)
        if not asking.answers:
            raise self._late()
        return self._read(asking.answers[0])

    async def login_async(self) -> Login:
        """Await it in the running loop, or ask a plain one in a thread. Raises RedisUnavailable, ConnectionFault."""
        import asyncio  # noqa: PLC0415 - heavy, and loaded if this is awaited

        method = _method(self._given, awaits=True)
        if not asyncio.iscoroutinefunction(method):
            return await asyncio.to_thread(self.login)
        try:
            answer: object = await asyncio.wait_for(_outcome(method), self._seconds)
        except asyncio.TimeoutError:
            raise self._late() from None
        return self._read(answer)

    def _late(self) -> RedisUnavailable:
        return RedisUnavailable(
            f"Redis at {self._where}: the provider of credentials gave none within {self._seconds:g} s"
        )

    def _read(self, answer: object) -> Login:
        if isinstance(answer, Raised):
            kind = type(answer.error).__name__
            raise RedisUnavailable(
                f"Redis at {self._where}: the provider of credentials raised {kind}: {text_of(answer.error)}"
            ) from answer.error
        parts = (answer,) if isinstance(answer, str) else answer
        if isinstance(parts, (tuple, list)) and all(map(_is_text, parts)):
            if len(parts) == 1:
                return Login("", parts[0])
            if len(parts) == len(("user", "password")):
                return Login(parts[0], parts[1])
        raise ConnectionFault(
            f"Redis at {self._where}: the provider of credentials gave an object of type {type(answer).__qualname__}; "
            "it gives the password, or user and password"
        )


def _is_text(part: object) -> bool:
    """Whether it is text that can be sent: half characters cannot."""
    return isinstance(part, str) and not any("\ud800" <= letter <= "\udfff" for letter in part)


class _Question:
    """A provider that is asked in a thread; ``answers`` has one element once it has answered or raised."""

    def __init__(self, method: Callable[[], Any]) -> None:
        self.answers: list[object] = []
        self._method = method
        import threading  # noqa: PLC0415 - for those who have a provider

        self.thread = threading.Thread(target=self._ask, name="credentials", daemon=True)
        self.thread.start()

    def _ask(self) -> None:
        try:
            answer = self._method()
            self.answers.append(_awaited(answer) if is_awaitable(answer) else answer)
        except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
            self.answers.append(Raised(error))


async def _outcome(method: Callable[[], Awaitable[object]]) -> object:
    """What an awaited provider gives or raises. Its SystemExit would end the event loop."""
    try:
        return await method()
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - a provider may raise anything
        return Raised(error)


def _awaited(answer: Awaitable[object]) -> object:
    import asyncio  # noqa: PLC0415 - for async providers that a blocking driver asks

    async def whole() -> object:
        return await answer

    return asyncio.run(whole())


def _method(given: Any, *, awaits: bool) -> Callable[[], Any]:
    """What to call: the method that the provider's own class defines, the one of our kind if it defines both."""
    plain, awaited = (
        _own(getattr(given, name, None)) for name in ("get_credentials", "get_credentials_async")
    )
    found: Callable[[], Any] = (awaited or plain if awaits else plain or awaited) or given
    return found


def _own(method: Any) -> Any:
    """The method, unless it is the one that redis-py's base class raises from, or forwards by."""
    inherited = getattr(method, "__qualname__", "").startswith("CredentialProvider.")
    return None if inherited else method


def check_provider(given: object) -> None:
    """Refuse an object that gives no credentials. Raises SettingsError."""
    fault = fault_of(given)
    if fault is not None:
        raise SettingsError(fault)


def fault_of(given: Any) -> str | None:
    """Why an object is no provider; None if it is one."""
    kind = given.__qualname__ if isinstance(given, type) else type(given).__qualname__
    if isinstance(given, type) and hasattr(given, "get_credentials"):
        return f"credentials: {kind} is a class; give an object of it, {kind}()"
    if not callable(_method(given, awaits=False)):
        return f"credentials: an object of type {kind} is no provider: give a function, or an object with get_credentials()"
    return None
