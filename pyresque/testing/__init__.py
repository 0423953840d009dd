"""What the tests of an application need: its jobs in memory, performed at once, or on a Redis of the tests' own.

Public and stable: the names of ``__all__``, and the pytest fixtures ``resque_recorded``, ``resque_inline`` and ``resque_redis``.
``docs/testing.md`` tells how they are used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.testing.assertions import (
        assert_enqueued,
        assert_not_enqueued,
        assert_payload,
        enqueued_jobs,
    )
    from pyresque.testing.cases import InlineJobs, JobsInRedis, RecordedJobs
    from pyresque.testing.drain import (
        aperform_enqueued,
        aperform_job,
        move_due,
        perform_enqueued,
        perform_job,
    )
    from pyresque.testing.enqueued import EnqueuedJob
    from pyresque.testing.kit import Kit
    from pyresque.testing.modes import inline, recorded, with_redis

__all__ = [
    "EnqueuedJob",
    "InlineJobs",
    "JobsInRedis",
    "Kit",
    "RecordedJobs",
    "aperform_enqueued",
    "aperform_job",
    "assert_enqueued",
    "assert_not_enqueued",
    "assert_payload",
    "enqueued_jobs",
    "inline",
    "move_due",
    "perform_enqueued",
    "perform_job",
    "recorded",
    "with_redis",
]

#: The module of each public name, loaded at the name's first use: pytest imports this package in every run.
_MODULES = {
    "EnqueuedJob": "enqueued",
    "Kit": "kit",
    **dict.fromkeys(("InlineJobs", "JobsInRedis", "RecordedJobs"), "cases"),
    **dict.fromkeys(("inline", "recorded", "with_redis"), "modes"),
    **dict.fromkeys(
        ("aperform_enqueued", "aperform_job", "move_due", "perform_enqueued", "perform_job"),
        "drain",
    ),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{_MODULES.get(name, 'assertions')}"
    found: object = getattr(__import__(module, fromlist=[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
