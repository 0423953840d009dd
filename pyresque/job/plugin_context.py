"""What plugins of jobs need of one Core: its keys, codec and clock, and the verbs that enqueue. Light: as ``plugin.py``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from pyresque.clock import Clock
    from pyresque.job.job import Codec
    from pyresque.ops import Op
    from pyresque.store.keys import Keys

    class Enqueues(Protocol):
        """Enqueues jobs: ``job/queues.py``."""

        inline: bool

        def enqueue_to(self, queue: str | None, job: Any, /, *args: Any) -> Op[Any]:
            """Enqueue a job to that queue."""

    class Delays(Protocol):
        """Enqueues jobs for later: ``schedule/later.py``."""

        def enqueue_in(self, wait: float, job: Any, /, *args: Any) -> Op[Any]:
            """Enqueue a job in ``wait`` seconds."""

        def enqueue_in_with_queue(
            self, queue: str | None, wait: float, job: Any, /, *args: Any
        ) -> Op[Any]:
            """Enqueue a job to that queue in ``wait`` seconds."""


class PluginContext:
    """What plugins need of one Core."""

    __slots__ = ("_delayed", "clock", "codec", "jobs", "keys")

    def __init__(
        self, keys: Keys, codec: Codec, clock: Clock, jobs: Enqueues, delayed: Callable[[], Delays]
    ) -> None:
        self.keys = keys
        self.codec = codec
        self.clock = clock
        self.jobs = jobs
        self._delayed = delayed

    @property
    def delayed(self) -> Delays:
        """What enqueues for later; its modules are loaded when it is first asked for."""
        return self._delayed()
