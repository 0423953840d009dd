"""Python twins of the Ruby job classes that the scheduler's scenarios name beside those of jobs.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compat_tests.world import World


def register(w: World) -> SimpleNamespace:
    """Register a fresh twin of every class; they are also what comes back, by their Python names."""
    app, note, client = w.resque, w.events.note, w.client

    @app.job
    class ScheduledJob:
        queue = "custom"

        @staticmethod
        def scheduled(queue: str, class_name: str, *args: Any) -> None:
            note("scheduled", queue, class_name, args)
            app.create(queue, ScheduledJob, "via scheduled", *args)
            app.close()  # the awaited face calls from a thread, whose connection nobody else would close

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class ScheduleHooksJob:
        queue = "shooks"

        @staticmethod
        def before_schedule_a(*args: Any) -> bool:
            note("before_schedule_a", args)
            return args[:1] != ("veto",)

        @staticmethod
        def after_schedule_a(*args: Any) -> None:
            note("after_schedule_a", args)

        @staticmethod
        def before_delayed_enqueue_a(*args: Any) -> bool:
            note("before_delayed_enqueue_a", args)
            return args[:1] != ("veto_delayed",)

        @staticmethod
        def before_enqueue_a(*args: Any) -> bool:
            note("before_enqueue_a", args)
            return args[:1] != ("veto_enqueue",)

        @staticmethod
        def after_enqueue_a(*args: Any) -> None:
            note("after_enqueue_a", args)

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    # Ruby's hooks disturb the move in after_enqueue, while its transaction is being built; ours has moved by then, so the
    # twins disturb it before.

    @app.job
    class RaceJob:
        queue = "race"

        @staticmethod
        def before_enqueue_x(number: int) -> None:
            late = '{"class":"LowJob","args":["late"],"queue":"low"}'
            client.rpush("resque:delayed:1772370000", late)

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class RaceJob2:
        queue = "race"

        @staticmethod
        def before_enqueue_x(number: int) -> None:
            client.delete("resque:delayed:1772370000")

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    @app.job
    class ReadsJob:
        queue = "reads"

        @staticmethod
        def before_enqueue_x(*args: Any) -> None:
            note("get", type(client.get("resque:flag")).__name__)

        @staticmethod
        def perform(*args: Any) -> None:
            """Do nothing."""

    return SimpleNamespace(**{name: one for name, one in locals().items() if isinstance(one, type)})
