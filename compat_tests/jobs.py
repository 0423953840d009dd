"""Python twins of the Ruby job classes that the recorded scenarios name; they note what Ruby's noted."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from pyresque.errors import DontPerform, TermException
from pyresque.ruby.inspect import inspect

if TYPE_CHECKING:
    from pyresque.client import Application

Note = Callable[..., None]


class ArgumentError(Exception):
    """Ruby's, by name."""


class IOError(Exception):  # noqa: A001 - Ruby's, by name; Python's is another name of OSError
    """Ruby's, by name."""


class Interrupt(BaseException):
    """Ruby's, by name: no StandardError."""


class CustomError(Exception):
    """An error whose text is its own affair."""

    ruby_name: ClassVar[str] = "Deep::CustomError"

    def __str__(self) -> str:
        return "to_s method"


#: What ErrorTextJob raises, by its argument. Bytes that are no UTF-8 reach Python as surrogates.
ERRORS: dict[str, Callable[[], BaseException]] = {
    "utf8": lambda: RuntimeError("caf\u00e9 \u2028 </b>"),
    "bad_utf8": lambda: RuntimeError("bad \udcff\udcfe utf8"),
    "binary": lambda: RuntimeError("bin \udcff\udce9 z"),
    "latin1": lambda: RuntimeError("caf\udce9"),
    "empty": lambda: RuntimeError(""),
    "no_message": IOError,
    "long": lambda: RuntimeError("x" * 300),
    "custom": CustomError,
    "nonstandard": lambda: NotImplementedError("todo"),
    "interrupt": lambda: Interrupt("int"),
    "system_exit": lambda: SystemExit("bye"),
    "term": lambda: TermException("SIGTERM"),
    "multiline": lambda: RuntimeError("one\ntwo\ttab"),
}


def register(app: Application, note: Note) -> SimpleNamespace:
    """Register a fresh twin of every class; they are also what comes back, by their Python names."""

    @app.job
    class LowJob:
        queue = "low"

        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", "LowJob", args)

    @app.job
    class HighJob:
        queue = "high"

        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", "HighJob", args)

    @app.job
    class QueueMethodJob:
        @staticmethod
        def queue() -> str:
            return "from_method"

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class NoQueueJob:
        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class BoomJob:
        queue = "boom"

        @staticmethod
        def perform(*args: Any) -> None:
            BoomJob.inner(args)

        @staticmethod
        def inner(args: Any) -> None:
            raise ArgumentError(f"boom {inspect(args)}")

    @app.job("Deep::NestedJob", queue="nested")
    class NestedJob:
        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", "Deep::NestedJob", args)

    @app.job
    class VetoEnqueueJob:
        queue = "veto"

        @staticmethod
        def before_enqueue_a(*args: Any) -> bool:
            note("before_enqueue_a", args)
            return True

        @staticmethod
        def before_enqueue_b(*args: Any) -> bool:
            note("before_enqueue_b", args)
            return False

        @staticmethod
        def before_enqueue_c(*args: Any) -> None:
            note("before_enqueue_c", args)

        @staticmethod
        def after_enqueue_z(*args: Any) -> None:
            note("after_enqueue_z", args)

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class NilHookJob:
        queue = "nilhook"

        @staticmethod
        def before_enqueue_nil(*args: Any) -> None:
            note("before_enqueue_nil", args)

        @staticmethod
        def after_enqueue_2(*args: Any) -> None:
            note("after_enqueue_2", args)

        @staticmethod
        def after_enqueue_1(*args: Any) -> bool:
            note("after_enqueue_1", args)
            return False

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class RaiseEnqueueJob:
        queue = "raising"

        @staticmethod
        def before_enqueue_boom(*args: Any) -> None:
            raise RuntimeError("no enqueue")

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class RaiseAfterEnqueueJob:
        queue = "raising"

        @staticmethod
        def after_enqueue_boom(*args: Any) -> None:
            raise RuntimeError("after enqueue")

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class DequeueHookJob:
        queue = "deq"

        @staticmethod
        def before_dequeue_x(*args: Any) -> bool:
            note("before_dequeue_x", args)
            return args[:1] != ("keep",)

        @staticmethod
        def after_dequeue_x(*args: Any) -> None:
            note("after_dequeue_x", args)

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class HookedJob:
        queue = "hooked"

        @staticmethod
        def before_perform_b(*args: Any) -> None:
            note("before_perform_b", args)

        @staticmethod
        def before_perform_a(*args: Any) -> None:
            note("before_perform_a", args)

        @staticmethod
        def around_perform_outer2(*args: Any) -> Iterator[None]:
            note("around_perform_outer2 in", args)
            yield
            note("around_perform_outer2 out", args)

        @staticmethod
        def around_perform_inner1(*args: Any) -> Iterator[None]:
            note("around_perform_inner1 in", args)
            result = yield
            note("around_perform_inner1 out", args, result)

        @staticmethod
        def after_perform_y(*args: Any) -> None:
            note("after_perform_y", args)

        @staticmethod
        def after_perform_x(*args: Any) -> None:
            note("after_perform_x", args)

        @staticmethod
        def on_failure_q(error: BaseException, *args: Any) -> None:
            note("on_failure_q", error, args)

        @staticmethod
        def on_failure_p(error: BaseException, *args: Any) -> None:
            note("on_failure_p", error, args)

        @staticmethod
        def perform(*args: Any) -> str:
            note("perform", args)
            if args[:1] == ("fail",):
                raise RuntimeError("asked to fail")
            return "result"

    @app.job
    class DontPerformJob:
        queue = "dont"

        @staticmethod
        def before_perform_a(*args: Any) -> None:
            note("before_perform_a", args)
            raise DontPerform("Resque::Job::DontPerform")

        @staticmethod
        def before_perform_b(*args: Any) -> None:
            note("before_perform_b", args)

        @staticmethod
        def after_perform_x(*args: Any) -> None:
            note("after_perform_x", args)

        @staticmethod
        def on_failure_x(error: BaseException, *args: Any) -> None:
            note("on_failure_x", error, args)

        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", args)

    @app.job
    class DontPerformInAroundJob:
        queue = "dont"

        @staticmethod
        def around_perform_a(*args: Any) -> None:
            raise DontPerform("Resque::Job::DontPerform")

        @staticmethod
        def on_failure_x(error: BaseException, *args: Any) -> None:
            note("on_failure_x", error, args)

        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", args)

    @app.job
    class AroundNoYieldJob:
        queue = "around"

        @staticmethod
        def around_perform_a(*args: Any) -> None:
            note("around without yield", args)

        @staticmethod
        def after_perform_a(*args: Any) -> None:
            note("after_perform_a", args)

        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", args)

    @app.job
    class BeforeRaisesJob:
        queue = "braise"

        @staticmethod
        def before_perform_a(*args: Any) -> None:
            raise RuntimeError("before failed")

        @staticmethod
        def on_failure_x(error: BaseException, *args: Any) -> None:
            note("on_failure_x", error, args)

        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", args)

    @app.job
    class AfterRaisesJob:
        queue = "araise"

        @staticmethod
        def after_perform_a(*args: Any) -> None:
            raise RuntimeError("after failed")

        @staticmethod
        def on_failure_x(error: BaseException, *args: Any) -> None:
            note("on_failure_x", error, args)

        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", args)

    @app.job
    class FailureHookRaisesJob:
        queue = "fraise"

        @staticmethod
        def on_failure_a(error: BaseException, *args: Any) -> None:
            note("on_failure_a", error, args)
            raise RuntimeError("hook failed too")

        @staticmethod
        def on_failure_b(error: BaseException, *args: Any) -> None:
            note("on_failure_b", error, args)

        @staticmethod
        def perform(*args: Any) -> None:
            raise RuntimeError("first failure")

    @app.job
    class ExplicitHooksJob:
        queue = "explicit"

        @staticmethod
        def hooks() -> list[str]:
            return ["before_perform_listed", "after_perform_unlisted_only_by_name"]

        @staticmethod
        def before_perform_listed(*args: Any) -> None:
            note("before_perform_listed", args)

        @staticmethod
        def before_perform_not_listed(*args: Any) -> None:
            note("before_perform_not_listed", args)

        @staticmethod
        def after_perform_unlisted_only_by_name(*args: Any) -> None:
            note("after_perform_unlisted_only_by_name", args)

        @staticmethod
        def perform(*args: Any) -> None:
            note("perform", args)

    @app.job
    class KillSelfJob:
        queue = "kill"

        @staticmethod
        def on_failure_x(error: BaseException, *args: Any) -> None:
            note("on_failure_x", error, args)

        @staticmethod
        def perform(name: str) -> None:
            faulthandler.disable()  # pytest's would print every stack where the signal is ABRT
            os.kill(os.getpid(), signal.Signals[f"SIG{name}"])
            time.sleep(5)

    @app.job
    class ExitJob:
        queue = "exit"

        @staticmethod
        def on_failure_x(error: BaseException, *args: Any) -> None:
            note("on_failure_x", error, args)

        @staticmethod
        def perform(code: int, hard: bool = False) -> None:
            if hard:
                os._exit(code)
            raise SystemExit("exit")

    @app.job
    class ErrorTextJob:
        queue = "errtext"

        @staticmethod
        def perform(kind: str) -> None:
            if kind == "nested":
                try:
                    ErrorTextJob.perform("empty")
                except RuntimeError:
                    raise RuntimeError("effect")  # noqa: B904 - the cause must come by itself, as in Ruby
            error = ERRORS[kind]()
            raise error

    return SimpleNamespace(**{name: one for name, one in locals().items() if isinstance(one, type)})
