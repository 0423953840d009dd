"""The Resque of a Django project: made of the setting ``PYRESQUE`` when this module is first imported, one in a process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.core.signals import setting_changed
from django.db import transaction

from pyresque.client import Resque
from pyresque.contrib.django.configuration import SETTING, arguments, require_right
from pyresque.lightweight import cached_property

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.core import Core
    from pyresque.driver.choose import Access


class DjangoResque(Resque):
    """The Resque of the project. Jobs can be registered with it while the setting is wrong; whatever uses it raises ImproperlyConfigured."""

    def __repr__(self) -> str:
        return "<the Resque of the project>"

    @cached_property
    def core(self) -> Core:
        """The parts joined. Raises ImproperlyConfigured."""
        require_right()
        return super().core

    def access(self) -> Access:
        """The way to Redis. Raises ImproperlyConfigured."""
        require_right()
        return super().access()

    def on_commit(self, using: str | None = None) -> AfterCommit:
        """Return the verbs that enqueue, each of which waits until the transaction of a database is committed, and returns None.

        If it is rolled back, nothing is enqueued. Outside a transaction they enqueue at once. ``using``: the database's alias.

        >>> resque.on_commit().enqueue(receipt, order.id)
        >>> resque.on_commit(using="orders").enqueue_in(3600, receipt, order.id)
        """
        return AfterCommit(self, using)


class AfterCommit:
    """The verbs of a Resque that enqueue, each of which waits for a commit."""

    def __init__(self, resque: Resque, using: str | None) -> None:
        self._resque = resque
        self._using = using

    def __getattr__(self, verb: str) -> Callable[..., None]:
        if not verb.startswith(("enqueue", "delay_or_enqueue")) or verb == "enqueue_middleware":
            raise AttributeError(f"{verb!r} enqueues nothing: on_commit() has the verbs that do")
        act: Callable[..., Any] = getattr(self._resque, verb)

        def later(*args: Any, **kwargs: Any) -> None:
            transaction.on_commit(partial(act, *args, **kwargs), using=self._using)

        return later


#: The Resque of the project.
resque: Final = DjangoResque(**arguments())


def _follow(*, setting: str, **_: object) -> None:
    """Follow a test that overrides the setting. What is registered stays."""
    if setting == SETTING:
        made = DjangoResque(jobs=resque, **arguments())
        resque.close()
        vars(resque).clear()
        vars(resque).update(vars(made))


setting_changed.connect(_follow, dispatch_uid=__name__)
