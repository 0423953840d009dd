"""What becomes of an ActiveJob whose work raised an error or was interrupted: it is enqueued again, it is dropped, or it fails."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from pyresque.activejob.retries import Discard, Exhausted, Retry, decide, ruby_name
from pyresque.errors import NotReplicated
from pyresque.ops import Call
from pyresque.user_errors import as_raised, text_of, thrown

if TYPE_CHECKING:
    from pyresque.activejob.continuation import Continuable, Resume
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.registry import ActiveJobClass
    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.ops import Op

log = logging.getLogger("pyresque")


async def in_steps(
    wrapper: JobWrapper, work: Op[bool], steps: Continuable, resume: Resume, found_in: str
) -> bool | None:
    """Perform a job in steps. None: it was interrupted and is enqueued again, which is no failure.

    ``found_in``: the queue that it came from.
    """
    try:
        return await work
    except GeneratorExit:
        raise
    except BaseException as caught:
        error = as_raised(caught)
        again = steps.resumed(resume, error)
        if again is None:
            raise
        queue = resume.queue or again.queue_name or found_in
        later = again.retried(
            now=wrapper.now(), wait=resume.wait, queue=queue, priority=resume.priority
        )
        queued = await _put_again(wrapper, later)
        log.info("%s (%s) goes on later: %s", again.job_class, again.job_id, text_of(error))
        return None if queued else False


async def rescued(
    wrapper: JobWrapper,
    active: ActiveJobClass,
    envelope: Envelope,
    error: BaseException,
    found_in: str,
) -> bool | None:
    """Return True if a rule retried the job, False if one dropped it, else None. Raises the rule's error after the last try."""
    name = envelope.job_class
    match decide(active.rules, error, envelope, random=wrapper.random):
        case Retry(job=counted, wait=wait, rule=rule):
            # A job that names no queue is retried in the one it was found in: Rails would lose it.
            queue = rule.queue or counted.queue_name or found_in
            again = counted.retried(
                now=wrapper.now(), wait=wait, queue=queue, priority=rule.priority
            )
            if not await _put_again(wrapper, again):
                return False
            log.info(
                "retrying %s (%s) in %s s, due to %s",
                *(name, envelope.job_id, wait, ruby_name(type(error))),
            )
            return True
        case Discard(error=cause, rule=dropped):
            if dropped.on_discarded is not None:
                await Call(partial(dropped.on_discarded, envelope, cause), offload=True)
            log.info("discarded %s (%s), due to %s", name, envelope.job_id, ruby_name(type(error)))
            return False
        case Exhausted(job=counted, error=cause, rule=rule):
            if rule.on_exhausted is not None:
                await Call(partial(rule.on_exhausted, counted, cause), offload=True)
                return False
            log.info("stopped retrying %s (%s)", name, envelope.job_id)
            if cause is not error:
                raise thrown(cause)
    return None


async def _put_again(wrapper: JobWrapper, envelope: Envelope) -> bool:
    """Enqueue a performed job once more. False: it is not, because an equal one is.

    Where too few replicas have it in time, that is logged: an error would fail a job that is enqueued again, and so double it.
    """
    unique = wrapper.jobs.unique.get(envelope.job_class)
    if unique is not None and not await unique.lock_again(wrapper, envelope):
        return False
    try:
        await wrapper.put(envelope)
    except NotReplicated as error:
        log.warning("%s (%s): %s", envelope.job_class, envelope.job_id, error)
    return True
