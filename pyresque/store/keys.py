"""Every key of Resque and resque-scheduler; no other module writes a key's name.

Ruby puts the namespace and a colon before each key. Members of sets and fields of hashes have no namespace.
"""

from __future__ import annotations

from pyresque.errors import SettingsError
from pyresque.lightweight import sha1_hex

#: The failure queue for records whose own key is not a list.
FAILED_ASIDE = "failed_aside"


def uniqueness_lock(*parts: str) -> str:
    """Lock of an active job (activejob-uniqueness), outside every namespace: prefix, class, digest; the beginning of all, with fewer."""
    return (
        ":".join(parts)
        if len(parts) == len(("prefix", "class", "digest"))
        else f"{':'.join(parts)}:"
    )


class Keys:
    """The key names below one namespace (Ruby: ``Resque.redis.namespace``, "resque" by default)."""

    __slots__ = ("namespace",)

    def __init__(self, namespace: str = "resque") -> None:
        """Raise SettingsError for an empty namespace, which Ruby refuses, too."""
        if not namespace:
            msg = "the namespace is empty: give a name such as 'resque', or leave it out"
            raise SettingsError(msg)
        self.namespace = namespace

    def of(self, name: str) -> str:
        """Return the key of a name as Ruby uses it, such as ``queue:low``."""
        return f"{self.namespace}:{name}"

    def bare(self, key: str) -> str:
        """Return the name of a key without the namespace; another namespace's key is returned unchanged."""
        return key.removeprefix(f"{self.namespace}:")

    # -- queues

    @property
    def queues(self) -> str:
        """Set of the names of queues."""
        return f"{self.namespace}:queues"

    def queue(self, queue: str) -> str:
        """List of payloads, the next one at the head."""
        return f"{self.namespace}:queue:{queue}"

    def watchers(self, queue_key: str) -> str:
        """Sorted set of those that watch a queue on behalf of all workers that wait for it; Ruby does not read it."""
        return f"{self.namespace}:waiting:watchers:{self._queue_of(queue_key)}"

    def wait_calls(self, queue_key: str) -> str:
        """List from which those that wait for a queue, but do not watch it, pop calls; Ruby does not read it."""
        return f"{self.namespace}:waiting:calls:{self._queue_of(queue_key)}"

    def _queue_of(self, queue_key: str) -> str:
        return queue_key.removeprefix(self.queue(""))

    # -- workers

    @property
    def workers(self) -> str:
        """Set of the registered worker ids."""
        return f"{self.namespace}:workers"

    def worker(self, worker_id: str) -> str:
        """The worker record: JSON of the job that it performs; missing while it is idle."""
        return f"{self.namespace}:worker:{worker_id}"

    def worker_started(self, worker_id: str) -> str:
        """When the worker started, as ``Time#to_s``."""
        return f"{self.namespace}:worker:{worker_id}:started"

    def worker_note(self, worker_id: str) -> str:
        """What a worker of this package tells of itself, as JSON; it expires, and Ruby does not read it."""
        return f"{self.namespace}:worker:{worker_id}:note"

    def worker_quit(self, worker_id: str) -> str:
        """The start time of a worker that is to end after its job; it expires, and Ruby does not read it."""
        return f"{self.namespace}:worker:{worker_id}:quit"

    @property
    def heartbeats(self) -> str:
        """Hash of worker id to the time of its last heartbeat."""
        return f"{self.namespace}:workers:heartbeat"

    @property
    def pruning(self) -> str:
        """Lock of the worker that prunes; it expires after one heartbeat interval."""
        return f"{self.namespace}:pruning_dead_workers_in_progress"

    @property
    def pause(self) -> str:
        """``true`` (trimmed, any case) pauses every worker."""
        return f"{self.namespace}:pause-all-workers"

    @property
    def pause_all_queues(self) -> str:
        """A text of any value pauses every queue (resque-pause), Ruby's plugin's default key."""
        return f"{self.namespace}:pause:all"

    def pause_queue(self, queue: str) -> str:
        """A text of any value, empty and ``false`` too, pauses this queue (resque-pause); removing the queue leaves it."""
        return f"{self.namespace}:pause:queue:{queue}"

    # -- stats and failures

    def stat(self, name: str) -> str:
        """A counter: ``processed``, ``failed``, or one of these with a colon and a worker id."""
        return f"{self.namespace}:stat:{name}"

    def failed(self, failure_queue: str = "failed") -> str:
        """List of failed records; with RedisMultiQueue one for each queue, named ``QUEUE_failed``."""
        return f"{self.namespace}:{failure_queue}"

    @property
    def failed_aside(self) -> str:
        """List of failed records whose own key is not a list; Ruby does not read it."""
        return f"{self.namespace}:{FAILED_ASIDE}"

    @property
    def failed_queues(self) -> str:
        """Set of the failure queues' names (RedisMultiQueue)."""
        return f"{self.namespace}:failed_queues"

    def undo(self, token: str, failure_queue: str) -> str:
        """List of failed records as they were before an action of the dashboard; it expires soon; Ruby does not read it."""
        return f"{self.namespace}:undo:{token}:{failure_queue}"

    def redeliveries(self, queue: str, payload: bytes) -> str:
        """Counter of the redeliveries of a payload; Ruby does not read it."""
        digest = sha1_hex(payload)
        return f"{self.namespace}:redeliveries:{queue}:{digest}"

    @property
    def lost_jobs(self) -> str:
        """Hash of jobs whose worker was pruned, while their plugins' moments run; Ruby does not read it."""
        return f"{self.namespace}:lost_jobs"

    # -- plugins

    def loner(self, queue: str, digest: str) -> str:
        """Mark of a queued job (resque-loner); with an empty digest the beginning of all marks of the queue."""
        return f"{self.namespace}:loners:queue:{queue}:job:{digest}"

    def solo(self, queue: str, digest: str) -> str:
        """Mark of a queued job (resque_solo); with an empty digest the beginning of all marks of the queue."""
        return f"{self.namespace}:solo:queue:{queue}:job:{digest}"

    def lock(self, class_name: str, arguments: str) -> str:
        """Lock of a job that is queued or performed (resque-lock); ``arguments`` as Ruby inspects them."""
        return f"{self.namespace}:lock:{class_name}-{arguments}"

    def lock_timeout(self, class_name: str, identifier: str | None) -> str:
        """Name, without the namespace, of the lock of a job that is performed (resque-lock-timeout)."""
        return f"lock:{class_name}" if identifier is None else f"lock:{class_name}:{identifier}"

    def lock_timeout_loner(self, name: str) -> str:
        """Lock of a job that is queued, by the name of its running lock (resque-lock-timeout)."""
        return f"{self.namespace}:loner:{name}"

    def queue_lock(self, class_name: str, arguments: str) -> str:
        """Lock of a queued job (resque-queue-lock); ``arguments`` as Ruby inspects them."""
        return f"{self.namespace}:queuelock:{class_name}-{arguments}"

    def lonely_job(self, queue: str) -> str:
        """Lock of the job of a queue that is performed (resque-lonely_job)."""
        return f"{self.namespace}:lonely_job:{queue}"

    def workers_lock(self, name: str) -> str:
        """Lock of jobs that are performed one at a time (resque-workers-lock)."""
        return f"{self.namespace}:workerslock:{name}"

    def throttle(self, name: str) -> str:
        """Set while a class may not be enqueued (resque-throttle); the name is the class's."""
        return f"{self.namespace}:{name}"

    def meta(self, meta_id: str) -> str:
        """JSON object: data about a job (resque-meta)."""
        return f"{self.namespace}:meta:{meta_id}"

    def restriction(self, *parts: str) -> str:
        """How many jobs are left of a limit (resque-restriction); the parts are identifier, value of an argument, period."""
        return f"{self.namespace}:restriction:{':'.join(parts)}"

    @property
    def history(self) -> str:
        """List of the jobs that were performed last, the latest first (resque-history)."""
        return f"{self.namespace}:resque_history"

    def job_stats(self, class_name: str, name: str) -> str:
        """Counter or list of a class (resque-job-stats)."""
        return f"{self.namespace}:stats:jobs:{class_name}:{name}"

    def retry_counter(self, name: str) -> str:
        """Number of the attempt at a job, 0 for the first one (resque-retry)."""
        return f"{self.namespace}:resque-retry:{name}"

    def retry_failure(self, name: str) -> str:
        """Failed record of a job that is retried later, kept out of the failed list (resque-retry)."""
        return f"{self.namespace}:failure-resque-retry:{name}"

    def status(self, job_id: str) -> str:
        """Status of a tracked job: a JSON object (resque-status)."""
        return f"{self.namespace}:status:{job_id}"

    @property
    def statuses(self) -> str:
        """Sorted set of the ids of tracked jobs, by the second in which they were enqueued (resque-status)."""
        return f"{self.namespace}:_statuses"

    @property
    def status_kills(self) -> str:
        """Set of the ids of tracked jobs that are to end at their next step (resque-status)."""
        return f"{self.namespace}:_kill"

    def concurrent(self, name: str) -> str:
        """How many jobs of a class run at a time (resque-concurrent-restriction), which is not supported here."""
        return f"{self.namespace}:concurrent.count.{name}"

    # -- moving off Ruby: keys of our own, which Ruby does not read

    @property
    def routes(self) -> str:
        """JSON text: the routing table (``routing/rules.py``)."""
        return f"{self.namespace}:migrate:routes"

    @property
    def routes_log(self) -> str:
        """List of the changes of the routing table, the latest first, each a JSON object."""
        return f"{self.namespace}:migrate:routes:log"

    @property
    def moved_queues(self) -> str:
        """Set of the queues whose jobs are moved aside for Python."""
        return f"{self.namespace}:migrate:queues"

    def moved(self, queue: str) -> str:
        """List of the payloads of a queue that are moved aside for Python, the next one at the head.

        Not in ``queues``: a Ruby worker of ``*`` must not find it.
        """
        return f"{self.namespace}:migrate:queue:{queue}"

    def mover(self, queue: str) -> str:
        """Who moves jobs of a queue aside now; it expires soon. Of several movers one moves, so that jobs keep their order."""
        return f"{self.namespace}:migrate:mover:{queue}"

    def performed(self, class_name: str, day: str) -> str:
        """Hash of one day (``2026-03-01``, UTC): how many jobs of a class each side performed in each hour, and how they ended.

        Fields: ``HOUR:SIDE:WHAT``, such as ``09:python:done``; WHAT is ``done``, ``failed`` or ``us`` (microseconds of both).
        """
        return f"{self.namespace}:migrate:performed:{day}:{class_name}"

    def performed_lately(self, class_name: str, hour: str) -> str:
        """Hash of one hour (``2026-03-01T09``, UTC), for the brake: fields ``MINUTE:SIDE:WHAT``; it expires soon."""
        return f"{self.namespace}:migrate:lately:{hour}:{class_name}"

    @property
    def performed_last(self) -> str:
        """Hash of ``SIDE:CLASS`` to the second (since 1970) in which that side last performed a job of the class."""
        return f"{self.namespace}:migrate:last"

    # -- resque-scheduler

    @property
    def delayed_schedule(self) -> str:
        """Sorted set of the timestamps that have delayed jobs."""
        return f"{self.namespace}:delayed_queue_schedule"

    def delayed(self, timestamp: int | str) -> str:
        """List of the delayed payloads of one timestamp (seconds since 1970)."""
        return f"{self.namespace}:delayed:{timestamp}"

    def timestamps(self, payload: bytes) -> bytes:
        """Set of the ``delayed:<timestamp>`` names whose lists hold this payload."""
        return f"{self.namespace}:timestamps:".encode() + payload

    def throughput(self, hour: str) -> str:
        """Hash of minute to the counters at its beginning, which the dashboard writes; ``hour`` is ``2026-03-01T09``, UTC."""
        return f"{self.namespace}:throughput:{hour}"

    @property
    def schedules(self) -> str:
        """Hash of the persistent schedules: name to JSON."""
        return f"{self.namespace}:persistent_schedules"

    @property
    def schedules_changed(self) -> str:
        """Set of the schedule names that a running scheduler must load again."""
        return f"{self.namespace}:schedules_changed"

    @property
    def last_enqueued_at(self) -> str:
        """Hash of schedule name to its last run."""
        return f"{self.namespace}:delayed:last_enqueued_at"

    def master_lock(self, prefix: str = "") -> str:
        """The scheduler's master lock; Ruby's key has the namespace twice, and a prefix after the second one."""
        middle = f"{prefix}:" if prefix else ""
        return f"{self.namespace}:{self.namespace}:{middle}resque_scheduler_master_lock"

    def master_owner(self, prefix: str = "") -> str:
        """The token of the process that holds the lock, if two have the same host:pid; Ruby does not read it."""
        return f"{self.master_lock(prefix)}:owner"

    @property
    def node_leader_lock(self) -> str:
        """The lock of node-resque's scheduler, which does not look at Ruby's."""
        return f"{self.namespace}:resque_scheduler_leader_lock"
