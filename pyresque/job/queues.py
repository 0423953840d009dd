"""The verbs of queues, each an operation: enqueue, dequeue, peek, pop, reserve (Ruby: ``Resque`` and ``Resque::Job``)."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from pyresque.errors import NotEncodable
from pyresque.job import hooks
from pyresque.job.dequeue import Dequeue
from pyresque.job.enqueue_middleware import Outgoing, OutgoingJob
from pyresque.job.job import Codec, Job, read_job, with_plugin_fault, write_payload
from pyresque.job.perform import perform
from pyresque.job.plugin import answer_of, mark_of, moment, or_refused, received_args, sent_args
from pyresque.job.registry import Registry, validate
from pyresque.job.sending import wire_args
from pyresque.store.look_again import Attempts
from pyresque.store.marks import push_marked
from pyresque.store.pauses import QueuePauses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Target
    from pyresque.job.sending import Carried
    from pyresque.ops import Op
    from pyresque.store.queues import Pushed, QueueTable

#: Jobs in one round trip of ``enqueue_many``.
CHUNK = 500


class Queues(Dequeue):
    """The queues of one application."""

    def __init__(
        self,
        table: QueueTable,
        codec: Codec,
        registry: Registry,
        *,
        inline: bool = False,
        stamp: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(table, codec, registry)
        self.pauses = QueuePauses(table.keys)
        self.inline = inline
        self.outgoing = Outgoing(codec, registry.enqueue_middleware, stamp)

    # -- in

    async def enqueue(self, job: Target, /, *args: Any, **kwargs: Any) -> bool | str | None:
        """Enqueue to the job's own queue: True, a handle if the job is tracked, or None if a hook or a plugin kept it out.

        Keyword arguments go to the places that the job's function gives them; for a class that only Ruby knows they travel as
        a trailing hash. The plugin Loner answers True for a job that it kept out, as in Ruby. Raises NoQueueError, NoClassError, NotEncodable, JobArgumentError.

        >>> resque.enqueue("Archive", 35)
        True
        """
        return await self._enqueue(self.registry.describe(job), None, args, kwargs)

    async def enqueue_to(
        self, queue: str | None, job: Target, /, *args: Any, **kwargs: Any
    ) -> bool | str | None:
        """Enqueue to a queue by name; the job may be a name that only Ruby knows. None as queue means the job's own.

        Returns and raises what ``enqueue`` does.

        >>> resque.enqueue_to("mailers", "WelcomeMailer", 7)
        True
        """
        return await self._enqueue(self.registry.describe(job), queue, args, kwargs)

    async def _enqueue(
        self, entry: JobClass, queue: str | None, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> bool | str | None:
        if entry.carrier is not None:
            carried = await entry.carrier.made(args, kwargs, queue)
            if carried is None or await self._push_carried(carried) is False:
                return None
            await carried.after()
            return carried.answer
        sent, names = wire_args(entry, args, kwargs), entry.lookup.now()
        if entry.plugins:
            return await self.enqueue_bound(
                queue, self.registry.bound_to_job(entry, queue, sent), sent
            )
        before = names.before_enqueue
        if before and not await hooks.allowed(entry, before, *sent):
            return None
        if await self._push(queue, entry, sent) is False:
            return None
        if names.after_enqueue:
            await hooks.run(entry, names.after_enqueue, *sent)
        return True

    async def enqueue_bound(
        self, queue: str | None, entry: JobClass, args: list[Any]
    ) -> bool | str | None:
        """Enqueue a job by an entry that is bound to it (``Registry.bound_to_job``). If nothing is pushed, run the plugins' ``refused``."""
        names = entry.lookup.now()

        async def push() -> bool:
            nonlocal args
            sent = await sent_args(entry, args)
            args = received_args(entry.plugins, sent)
            allowed = await hooks.allowed(entry, names.before_enqueue, *args)
            return allowed and await self._push(queue, entry, sent) is not False

        if not await or_refused(entry, push()):
            return None
        await hooks.run(entry, names.after_enqueue, *args)
        return answer_of(entry)

    async def create(
        self, queue: str | None, job: Target, /, *args: Any, **kwargs: Any
    ) -> Pushed | None:
        """Push a job without its enqueue hooks (Ruby: ``Job.create``).

        None if nothing was pushed: ``inline`` performed it, or a middleware, or a hook of an active job, refused it.
        """
        return await self.push_job(queue, self.registry.describe(job), args, kwargs)

    async def push_job(
        self,
        queue: str | None,
        entry: JobClass,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None = None,
    ) -> Pushed | None:
        """Push a job by its entry in the registry, without its enqueue hooks."""
        if entry.carrier is not None:
            carried = await entry.carrier.made(args, kwargs or {}, queue, hooks=False)
            return None if carried is None else await self._push_carried(carried) or None
        sent = wire_args(entry, args, kwargs or {})
        if entry.plugins and entry.plugin_job is None:
            entry = self.registry.bound_to_job(entry, queue, sent)
        return await self._push(queue, entry, sent) or None

    async def push_carried(self, carried: Carried) -> bool:
        """Push a job that travels inside another one; False if a middleware refused it."""
        return await self._push_carried(carried) is not False

    async def _push_carried(self, carried: Carried) -> Pushed | Literal[False] | None:
        outer = self.registry.describe(carried.class_name)
        return await carried.unless_refused(self._push(carried.queue, outer, carried.args))

    async def _push(
        self, queue: str | None, entry: JobClass, args: list[Any]
    ) -> Pushed | Literal[False] | None:
        """Push a job: None if ``inline`` performed it, False if a middleware or a plugin's mark refused it."""
        where = validate(entry, queue)
        if self.outgoing.layers or self.outgoing.stamp is not None:
            return await self._push_around(where, OutgoingJob(entry.name, args, where), entry)
        raw = write_payload(self.codec, entry.name, args)
        if self.inline and await self._performed_inline(raw):
            return None
        if entry.plugin_job is not None:
            return await self._push_bound(where, entry, raw)
        return await self.table.push(where, (raw,))

    async def _push_bound(
        self, queue: str, entry: JobClass, raw: bytes
    ) -> Pushed | Literal[False] | None:
        """Push a job whose class has plugins. If its mark is set already: False, or None if Ruby counts that as enqueued.

        A tracked job never counts as enqueued then: its handle would wait for a job that is in no queue.
        """
        mark = mark_of(entry)
        if mark is None:
            return await self.table.push(queue, (raw,))
        pushed = await push_marked(self.table, queue, raw, mark)
        if pushed is None and (not mark.refused_as_enqueued or answer_of(entry) is not True):
            return False
        return pushed

    async def _push_around(
        self, queue: str, job: OutgoingJob, entry: JobClass
    ) -> Pushed | Literal[False] | None:
        """Push a job, with the middleware around it."""
        pushed: Pushed | Literal[False] | None = None

        async def push(given: OutgoingJob) -> bool:
            nonlocal pushed
            raw = self.outgoing.write(job, given)
            if not (self.inline and await self._performed_inline(raw)):
                pushed = await self._push_bound(queue, entry, raw)
            return True

        return pushed if await self.outgoing.through(job, push) else False

    async def _performed_inline(self, raw: bytes) -> bool:
        """Perform a job here instead of enqueueing it; False if no class of that name is registered here."""
        job = read_job(self.codec, "inline", raw)
        entry = self.registry.entry_of(job)
        if entry is None or (entry.target is None and entry.operation is None):
            return False
        await perform(self.registry, job)
        return True

    async def enqueue_many(self, calls: Iterable[Sequence[Any]]) -> int:
        """Enqueue many ``(job, *args)``, 500 in one round trip; returns how many were enqueued.

        Enqueue hooks and middleware run for each, before its round trip. An argument that cannot be encoded raises NotEncodable, which names its place; jobs of
        earlier round trips are enqueued then, those of its own are not.

        >>> resque.enqueue_many([("Archive", 36), ("Archive", 37)])
        2
        """
        enqueued = 0
        source = enumerate(calls)
        while chunk := list(islice(source, CHUNK)):
            enqueued += await self._enqueue_chunk(chunk)
        return enqueued

    async def _enqueue_chunk(self, chunk: list[tuple[int, Sequence[Any]]]) -> int:  # noqa: C901, PLR0912 - calls would cost each job more than they say
        waiting: dict[str, list[bytes]] = {}
        afterwards: list[Callable[[], Op[Any]]] = []
        enqueued, outgoing = 0, self.outgoing
        around = bool(outgoing.layers) or outgoing.stamp is not None
        unchanged: object = (
            None  # the target before, if no code of the application has run since it was looked up
        )
        for index, (target, *given) in chunk:
            args = given
            after: Callable[[], Op[Any]] | None = None
            carried: Carried | None = None
            if target is not unchanged or target is None:
                entry, unchanged = self.registry.describe(target), None
                where = validate(entry, None)
                if entry.carrier is not None:
                    carried = await entry.carrier.made(args, {}, None)
                    if carried is None:
                        continue
                    entry = self.registry.describe(carried.class_name)
                    where, args = carried.queue, carried.args
                    after = carried.after
                elif entry.plugins:
                    await self._push_all(waiting)  # those before it
                    waiting.clear()
                    args = wire_args(entry, args, {})
                    bound = self.registry.bound_to_job(entry, None, args)
                    enqueued += await self.enqueue_bound(where, bound, args) is not None
                    continue
                elif (names := entry.lookup.now()) is not hooks.NO_HOOKS:
                    if not await hooks.allowed(entry, names.before_enqueue, *args):
                        continue
                    after = partial(hooks.run, entry, names.after_enqueue, *args)
                elif not (self.inline or around) and not callable(
                    getattr(entry.target, "queue", None)
                ):
                    unchanged = target
            try:
                if not around:
                    raw: bytes | None = write_payload(self.codec, entry.name, args)
                else:
                    raw = await outgoing.payload(OutgoingJob(entry.name, args, where))
            except NotEncodable as error:
                raise NotEncodable(f"calls[{index}]: {error.path}", error.reason) from None
            if raw is None:
                if carried is not None and carried.refused is not None:
                    await carried.refused()
                continue
            enqueued += 1
            if after is not None:
                afterwards.append(after)
            if not (self.inline and await self._performed_inline(raw)):
                waiting.setdefault(where, []).append(raw)
        await self._push_all(waiting)
        for after in afterwards:
            await after()
        return enqueued

    async def _push_all(self, waiting: dict[str, list[bytes]]) -> None:
        """Push payloads to several queues in one round trip."""
        if waiting:
            await self.table.push_all(waiting)

    async def push(self, queue: str, item: object) -> Pushed:
        """Push any value, encoded, at the tail of a queue. Raises NotEncodable.

        >>> resque.push("notes", {"text": "hello"})
        Pushed(new=1, length=1)
        """
        return await self.table.push(queue, (self.codec.encode(item, path="item"),))

    # -- out

    async def pop(self, queue: str) -> Any:
        """Take the value at the head, decoded, or None; also from a paused queue. One that cannot be read stays there: DecodeError."""
        attempts = Attempts("the head of a queue")
        while True:
            raw = await self.table.element(self.table.keys.queue(queue), 0)
            if raw is None:
                return None
            value = self.codec.decode(raw)
            if await self.table.pop_seen(queue, raw):
                return value
            attempts.failed()

    async def reserve(self, queue: str) -> Job | None:
        """Take the job at the head; None if there is none, or while the queue is paused. Its ``fault`` says what is wrong with it.

        The job is the caller's then. A worker reserves by a script, which notes in the same step who has it.
        """
        raw = await self.pauses.pop(queue)
        if raw is None:
            return None
        job = read_job(self.codec, queue, raw)
        entry = self.registry.with_plugins_of(job)
        if entry is None:
            return job
        try:
            await moment(entry, "taken")
        except GeneratorExit:
            raise
        except Exception as error:  # noqa: BLE001 - a key function may raise anything, and the job has left its queue
            return with_plugin_fault(job, error)
        return job

    # -- looking

    async def peek(self, queue: str, start: int = 0, count: int = 1) -> list[Job]:
        """Jobs from ``start`` on, left where they are; always a list (Ruby gives a lone payload for a count of 1).

        >>> [str(job) for job in resque.peek("mailers")]
        ['(Job{mailers} | WelcomeMailer | [7])']
        """
        found = await self._elements(self.table.keys.queue(queue), start, count)
        return [read_job(self.codec, queue, raw) for raw in found]

    async def list_range(self, key: str, start: int = 0, count: int = 1) -> list[Any]:
        """Decoded elements of any list by its name below the namespace; always a list."""
        found = await self._elements(self.table.keys.of(key), start, count)
        return list(map(self.codec.decode, found))

    async def _elements(self, key: str, start: int, count: int) -> list[bytes]:
        """Return elements of a list; with a count of 1 a negative ``start`` counts from the end, as LINDEX does."""
        if count == 1:
            raw = await self.table.element(key, start)
            return [] if raw is None else [raw]
        return await self.table.slice(key, start, start + count - 1)

    async def validate(self, job: Target, queue: str | None = None) -> None:
        """Raise NoQueueError or NoClassError if a job could not be enqueued (Ruby: ``Resque.validate``)."""
        validate(self.registry.describe(job), queue)
