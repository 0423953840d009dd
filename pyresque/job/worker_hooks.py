"""Hooks of the worker itself, run in the order they were added (Ruby: ``Resque.before_fork`` and its kin)."""

from __future__ import annotations

from pyresque.job_copies import own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

NAMES = (
    "before_first_fork",
    "before_fork",
    "after_fork",
    "before_pause",
    "after_pause",
    "queue_empty",
    "worker_exit",
    "shutdown",
)


class WorkerHooks:
    """The functions added under each name."""

    def __init__(self) -> None:
        self._hooks: dict[str, list[Callable[..., Any]]] = {name: [] for name in NAMES}

    def only(self, *names: str) -> WorkerHooks:
        """Those of these names alone."""
        few = WorkerHooks()
        few._hooks.update({name: self._hooks[name] for name in names})
        return few

    def add(self, name: str, hook: Callable[..., Any]) -> None:
        """Add a function."""
        self._hooks[name].append(hook)

    def any(self, name: str) -> bool:
        """Whether there are any of that name."""
        return bool(self._hooks[name])

    async def run(self, name: str, *args: Any) -> None:
        """Call each of that name."""
        if not self._hooks[name]:
            return
        from functools import partial  # noqa: PLC0415 - for those who have hooks: each forked child pays for what is loaded

        from pyresque.ops import Call  # noqa: PLC0415 - as above

        for hook in self._hooks[name]:
            await Call(partial(own, hook, *args), offload=True)

    def run_now(self, name: str, *args: Any) -> None:
        """Call each of that name without an operation: from a signal handler, as Ruby does."""
        for hook in self._hooks[name]:
            own(hook, *args)
