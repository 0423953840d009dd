"""Takes the place of what leads every Resque and AsyncResque of the process to Redis, until a test is over.

Four attributes of classes change, none of an instance: a property of a class goes before the value that an instance has stored,
so a Resque that an application's module made at import, which has run verbs already, follows too, and has its own driver again
afterwards. Nothing of this is known to the classes, and production pays nothing for it.

| attribute | while a test runs |
|---|---|
| ``Resque.driver``, ``AsyncResque.driver`` | the driver of the test's Redis |
| ``Application.access`` | the way to the test's Redis, for a worker's loop |
| ``Queues.inline`` | as the test asks, whatever the settings say |
| ``SystemClock.time`` | ``time.time`` as it is when it is called: freezegun replaces that. Waits go by ``monotonic``, which goes on |
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

from pyresque.application import Application
from pyresque.client import AsyncResque, Resque
from pyresque.clock import SystemClock
from pyresque.job.queues import Queues

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.driver.choose import Access
    from pyresque.testing.redis_of_tests import RedisOfTests

#: Stands for an attribute that a class did not have.
_NONE = object()


class _InPlaceOf:
    """A property of a class while a test runs; what an instance has stored under that name stays as it is."""

    def __init__(
        self, name: str, give: Callable[[Any], Any], forget: Callable[[Any], None]
    ) -> None:
        self.name = name
        self.give = give
        self.forget = forget

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else self.give(instance)

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.name] = value

    def __delete__(self, instance: Any) -> None:
        self.forget(instance)


class Takeover:
    """Leads every Resque of the process to a Redis of tests, from ``begin`` to ``end``. One inside another goes before it."""

    def __init__(self, redis: RedisOfTests, *, inline: bool) -> None:
        self.redis = redis
        self.inline = inline
        #: The Resques that have run a verb meanwhile, by ``id``.
        self.seen: dict[int, Application] = {}
        self._drivers: dict[tuple[int, str], Any] = {}
        self._former: list[tuple[type, str, Any]] = []

    def begin(self) -> None:
        """Take the place."""

        def access(resque: Application) -> Access:  # becomes a method, as a bound one would not
            return self._access(resque)

        driver = _InPlaceOf("driver", self._driver, self._forget)
        self._replace(Resque, "driver", driver)
        self._replace(AsyncResque, "driver", driver)
        self._replace(Application, "access", access)
        self._replace(Queues, "inline", _InPlaceOf("inline", lambda _: self.inline, _nothing))
        self._replace(SystemClock, "time", staticmethod(_time))

    def end(self) -> None:
        """Give the place back."""
        for owner, name, value in reversed(self._former):
            if value is _NONE:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
        self._former.clear()
        self._drivers.clear()
        self.seen.clear()

    def _replace(self, owner: type, name: str, value: Any) -> None:
        self._former.append((owner, name, vars(owner).get(name, _NONE)))
        setattr(owner, name, value)

    def _driver(self, resque: Application) -> Any:
        url = resque.settings.server_url  # which ``configure`` may have changed
        found = self._drivers.get((id(resque), url))
        if found is None:
            self.seen[id(resque)] = resque
            make = self.redis.awaiting if awaits(resque) else self.redis.blocking
            found = self._drivers[id(resque), url] = make(url)
        return found

    def _forget(self, resque: Application) -> None:
        self._drivers.pop((id(resque), resque.settings.server_url), None)

    def _access(self, resque: Application) -> Access:
        settings = resque.settings
        return self.redis.access(settings.server_url, settings.namespace, awaits=awaits(resque))


def awaits(resque: Application) -> bool:
    """Whether the verbs of a Resque are awaited."""
    return isinstance(resque, AsyncResque)


def every_resque() -> list[Application]:
    """Return every Resque and AsyncResque of the process, as the garbage collector knows them.

    It forgets what ``gc.freeze()`` put aside, as a worker with forks in this process does; that is undone first.
    """
    gc.unfreeze()
    # The class is asked for by type(): a lazy object of another library would load itself if it was looked at.
    return [each for each in gc.get_objects() if Application in type(each).__mro__]


def _nothing(instance: object) -> None:
    del instance


def _time() -> float:
    return time.time()
