"""Every key of Resque and resque-scheduler, written once.

Ruby puts the namespace and a colon before each key. Members of sets and fields of hashes bear no namespace.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyresque.errors import SettingsError
from pyresque.lightweight import sha1_hex

#: The failure queue in whose list records are kept that cannot be written where they belong.
FAILED_ASIDE = "failed_aside"


@dataclass(frozen=True, slots=True)
class Keys:
    """The key names below one namespace (Ruby: ``Resque.redis.namespace``, "resque" by default)."""

    namespace: str = "resque"

    def __post_init__(self) -> None:
        """Refuse what Ruby could not be told either."""
        if not self.namespace:
            msg = "the namespace is empty: give a name such as 'resque', or leave it out"
            raise SettingsError(msg)

    def of(self, name: str) -> str:
        """A key of Resque's by the name Ruby uses for it, such as ``queue:low``."""
        return f"{self.namespace}:{name}"

    def bare(self, key: str) -> str:
        """The name without the namespace; a foreign key comes back as it is."""
        return key.removeprefix(f"{self.namespace}:")

    # -- queues

    @property
    def queues(self) -> str:
        """Set of queue names."""
        return f"{self.namespace}:queues"

    def queue(self, queue: str) -> str:
        """List of payloads, the next one at the head."""
        return f"{self.namespace}:queue:{queue}"

    # -- workers

    @property
    def workers(self) -> str:
        """Set of worker ids."""
        return f"{self.namespace}:workers"

    def worker(self, worker_id: str) -> str:
        """What the worker performs, as JSON; missing while it is idle."""
        return f"{self.namespace}:worker:{worker_id}"

    def worker_started(self, worker_id: str) -> str:
        """When the worker started, as ``Time#to_s``."""
        return f"{self.namespace}:worker:{worker_id}:started"

    @property
    def heartbeats(self) -> str:
        """Hash of worker id to the time of its last heartbeat."""
        return f"{self.namespace}:workers:heartbeat"

    @property
    def pruning(self) -> str:
        """Held for one heartbeat interval by the worker that prunes."""
        return f"{self.namespace}:pruning_dead_workers_in_progress"

    @property
    def pause(self) -> str:
        """``true`` (trimmed, any case) pauses every worker."""
        return f"{self.namespace}:pause-all-workers"

    # -- stats and failures

    def stat(self, name: str) -> str:
        """A counter: ``processed``, ``failed``, or one of these with a colon and a worker id."""
        return f"{self.namespace}:stat:{name}"

    def failed(self, failure_queue: str = "failed") -> str:
        """List of failed records; with RedisMultiQueue one for each queue, named ``QUEUE_failed``."""
        return f"{self.namespace}:{failure_queue}"

    @property
    def failed_aside(self) -> str:
        """List of failed records that could not be written where they belong, as no list stands there; Ruby does not look at it."""
        return f"{self.namespace}:{FAILED_ASIDE}"

    @property
    def failed_queues(self) -> str:
        """Set of the failure queues' names (RedisMultiQueue)."""
        return f"{self.namespace}:failed_queues"

    def redeliveries(self, queue: str, payload: bytes) -> str:
        """How often this very payload went back into its queue because its process died; Ruby does not look at it."""
        digest = sha1_hex(payload)
        return f"{self.namespace}:redeliveries:{queue}:{digest}"

    # -- resque-scheduler

    @property
    def delayed_schedule(self) -> str:
        """Sorted set of the timestamps that have delayed jobs."""
        return f"{self.namespace}:delayed_queue_schedule"

    def delayed(self, timestamp: int | str) -> str:
        """List of the delayed payloads of one timestamp (seconds since 1970)."""
        return f"{self.namespace}:delayed:{timestamp}"

    def timestamps(self, payload: bytes) -> bytes:
        """Set of the ``delayed:<timestamp>`` names that hold this very payload."""
        return f"{self.namespace}:timestamps:".encode() + payload

    @property
    def schedules(self) -> str:
        """Hash of the persistent schedules: name to JSON."""
        return f"{self.namespace}:persistent_schedules"

    @property
    def schedules_changed(self) -> str:
        """Set of the schedule names that a running scheduler must load anew."""
        return f"{self.namespace}:schedules_changed"

    @property
    def last_enqueued_at(self) -> str:
        """Hash of schedule name to its last run."""
        return f"{self.namespace}:delayed:last_enqueued_at"

    def master_lock(self, prefix: str = "") -> str:
        """The scheduler's master lock; Ruby's bears the namespace twice, a prefix after the second one."""
        middle = f"{prefix}:" if prefix else ""
        return f"{self.namespace}:{self.namespace}:{middle}resque_scheduler_master_lock"

    def master_owner(self, prefix: str = "") -> str:
        """Which process holds the lock, where two bear one name; Ruby does not look at it."""
        return f"{self.master_lock(prefix)}:owner"
