"""How many replicas must have what is enqueued before the verb returns: Redis' ``WAIT``, in the round trip of the push."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.errors import NotReplicated
from pyresque.ops import Command

if TYPE_CHECKING:
    from pyresque.settings import Settings


class Replicas:
    """``count`` replicas that must acknowledge within ``seconds``."""

    def __init__(self, count: int, seconds: float) -> None:
        self.count = count
        self.seconds = seconds
        #: Sent behind a push. Redis answers when so many replicas have it, or after that time; the answer is how many have it.
        self.command: Command[int] = Command(("WAIT", count, max(1, round(seconds * 1000))))

    @classmethod
    def of(cls, settings: Settings) -> Replicas | None:
        """What the settings ask for; None if no replica is waited for."""
        if not settings.enqueue_replicas:
            return None
        return cls(settings.enqueue_replicas, settings.enqueue_replica_timeout)

    def check(self, acknowledged: int) -> None:
        """Raise NotReplicated if fewer replicas have the job than are asked for."""
        if acknowledged < self.count:
            raise NotReplicated(
                f"the job is queued, and {acknowledged} of {self.count} replicas have it after {self.seconds:g} s: "
                "enqueue it no second time; it is lost only if the master fails before they have it"
            )
