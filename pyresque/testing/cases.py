"""The three ways as classes to mix into test cases of ``unittest`` and Django, before ``TestCase``."""

from __future__ import annotations

from contextlib import ExitStack
from functools import wraps
from typing import TYPE_CHECKING, Any
from unittest import TestCase

from pyresque.errors import TestKitError
from pyresque.testing.modes import inline, recorded, with_redis

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pyresque.testing.kit import Kit


class _Case:
    """A test case whose jobs do not reach the application's Redis: neither those of a test nor those of ``setUpClass``.

    Each test begins without jobs. Django's ``setUpTestData`` runs inside, too.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Raise TestKitError where ``TestCase`` stands before this class: it would run the test without it."""
        super().__init_subclass__(**options)
        order = cls.__mro__
        if TestCase in order and order.index(TestCase) < order.index(_Case):
            raise TestKitError(f"class {cls.__name__}: name {_mixed_in(cls)} before TestCase")
        own = vars(cls).get("setUpClass")
        if isinstance(own, classmethod):
            cls.setUpClass = _inside(own.__func__)  # type: ignore[method-assign]  # whether it calls super() or not

    #: What a test of this class runs in.
    _mode: Callable[[], AbstractContextManager[Kit]]

    #: The kit of the running test.
    resque_kit: Kit

    @classmethod
    def setUpClass(cls) -> None:
        """Enter for what the class sets up."""
        cls._enter()
        super().setUpClass()  # type: ignore[misc]  # of TestCase

    #: What ends the kit of ``setUpClass``, while that is at work.
    _around: ExitStack | None = None

    @classmethod
    def _enter(cls) -> None:
        if vars(cls).get("_around") is not None:
            return
        cls._around = ExitStack()
        cls._around.enter_context(cls._mode())
        cls.addClassCleanup(cls._leave)  # type: ignore[attr-defined]  # of TestCase

    @classmethod
    def _leave(cls) -> None:
        around, cls._around = cls._around, None
        if around is not None:
            around.close()

    def run(self, result: Any = None) -> Any:
        """Run the test with jobs of its own."""
        with self._mode() as kit:
            self.resque_kit = kit
            return super().run(result)  # type: ignore[misc]  # as above

    def debug(self) -> None:
        """Run the test for a debugger, with jobs of its own."""
        with self._mode() as kit:
            self.resque_kit = kit
            super().debug()  # type: ignore[misc]  # as above


def _inside(set_up: Callable[[Any], None]) -> Any:
    """Return a ``setUpClass`` whose jobs go into the kit, too."""

    @wraps(set_up)
    def entered(cls: Any) -> None:
        cls._enter()
        set_up(cls)

    return classmethod(entered)


def _mixed_in(case: type) -> str:
    return next(kind.__name__ for kind in case.__mro__ if _Case in kind.__bases__)


class RecordedJobs(_Case):
    """Keeps the jobs of a test case in memory, as ``recorded`` does.

    >>> class OrderTest(RecordedJobs, TestCase):
    ...     def test_an_order_sends_a_mail(self):
    ...         assert_enqueued(send_mail, queue="mailers")
    """

    _mode = staticmethod(recorded)


class InlineJobs(_Case):
    """Performs the jobs of a test case as they are enqueued, as ``inline`` does."""

    _mode = staticmethod(inline)


class JobsInRedis(_Case):
    """Keeps the jobs of a test case in a Redis of the tests' own, as ``with_redis`` does."""

    _mode = staticmethod(with_redis)
