"""Every verb takes a job in every way in which another one takes it: by its class, its function and its name."""

from __future__ import annotations

import hashlib
import inspect
import json

import pytest

from pyresque import Resque
from pyresque.failures import Failures
from pyresque.retries import Retries

AT = 4102444800


class Mailer:
    queue = "mail"

    @staticmethod
    def perform(*args): ...


def remind(*args): ...


#: What each verb does with a job that waits in its queue (a), failed (f) or is delayed (d); called with 7.
VERBS = {
    "enqueue": lambda r, job: r.enqueue(job, 7),
    "enqueue_to": lambda r, job: r.enqueue_to("mail", job, 7),
    "enqueue_many": lambda r, job: r.enqueue_many([(job, 7)]),
    "create": lambda r, job: r.create("mail", job, 7),
    "dequeue": lambda r, job: r.dequeue(job, 7),
    "destroy": lambda r, job: r.destroy("mail", job, 7),
    "validate": lambda r, job: r.validate(job),
    "enqueue_at": lambda r, job: r.enqueue_at(AT, job, 7),
    "enqueue_at_with_queue": lambda r, job: r.enqueue_at_with_queue("mail", AT, job, 7),
    "enqueue_in": lambda r, job: r.enqueue_in(10**9, job, 7),
    "enqueue_in_with_queue": lambda r, job: r.enqueue_in_with_queue("mail", 10**9, job, 7) and True,
    "enqueue_many_at": lambda r, job: r.enqueue_many_at([(AT, job, 7)]),
    "delay_or_enqueue_at": lambda r, job: r.delay_or_enqueue_at(AT, job, 7),
    "delay_or_enqueue_in": lambda r, job: r.delay_or_enqueue_in(10**9, job, 7),
    "find_delayed_selection": lambda r, job: len(r.find_delayed_selection(lambda a: a == [7], job)),
    "scheduled_at": lambda r, job: r.scheduled_at(job, 7),
    "is_delayed": lambda r, job: r.is_delayed(job, 7),
    "remove_delayed": lambda r, job: r.remove_delayed(job, 7),
    "remove_delayed_in_queue": lambda r, job: r.remove_delayed_in_queue(job, "mail", 7),
    "remove_delayed_selection": lambda r, job: r.remove_delayed_selection(lambda a: a == [7], job),
    "remove_delayed_job_from_timestamp": (
        lambda r, job: r.remove_delayed_job_from_timestamp(AT, job, 7)
    ),
    "enqueue_delayed": lambda r, job: r.enqueue_delayed(job, 7),
    "enqueue_delayed_with_queue": lambda r, job: r.enqueue_delayed_with_queue(job, "mail", 7),
    "enqueue_delayed_selection": lambda r, job: r.enqueue_delayed_selection(
        lambda a: a == [7], job
    ),
    "enqueue_from_config": lambda r, job: r.enqueue_from_config({"class": job, "args": [7]}),
    "failures.count": lambda r, job: r.failures.count(class_name=job),
    "retries.count": lambda r, job: r.retries.count(job),
    "retries.each": lambda r, job: len(list(r.retries.each(job))),
    "failures.each": lambda r, job: len(list(r.failures.each(class_name=job))),
}


def taking_a_job() -> set[str]:
    """The verbs that have a parameter for a job, by its name in the signature."""
    found = {}
    for prefix, owner in (("", Resque), ("failures.", Failures), ("retries.", Retries)):
        for name, verb in inspect.getmembers(owner, callable):
            if not name.startswith("_"):
                found[prefix + name] = set(inspect.signature(verb).parameters)
    taking = {"target", "job", "class_name"}
    return {name for name, parameters in found.items() if parameters & taking} - {"job"}


def test_no_verb_that_takes_a_job_is_left_out_here():
    # These take calls or a configuration, in which jobs stand.
    inside = {"enqueue_many", "enqueue_many_at", "enqueue_from_config"}
    assert taking_a_job() | inside == set(VERBS)


def outcome(url, db, verb, *, registered, by):
    """What a verb answers and leaves for a job that waits, is delayed and failed."""
    db.flushall()
    with Resque(url) as resque:
        if registered:
            resque.job(Mailer)
            resque.job("Mailer::Remind", queue="mail")(remind)
        db.rpush("resque:queue:mail", '{"class":"Mailer","args":[7]}')
        db.rpush("resque:queue:mail", '{"class":"Mailer::Remind","args":[7]}')
        for name in ("Mailer", "Mailer::Remind"):
            resque.enqueue_at_with_queue("mail", AT, name, 7)
            payload = {"class": name, "args": [7]}
            db.rpush("resque:failed", json.dumps({"payload": payload, "queue": "mail"}))
            digest = hashlib.sha1(b"7", usedforsecurity=False).hexdigest()
            db.set(f"resque:resque-retry:{name}:{digest}", 0)
        answer = VERBS[verb](resque, by)
        left = {
            key: db.lrange(key, 0, -1)
            for key in sorted(db.scan_iter("resque:*"))
            if db.type(key) == b"list" and b"delayed:5" not in key
        }
    # What waits a billion seconds from now waits at another second when the next one asks.
    if "_in" in verb and "in_queue" not in verb:
        left = [sorted(raws) for raws in left.values()]
    return answer, left


@pytest.mark.parametrize("verb", VERBS)
def test_a_registered_job_may_be_given_by_its_class_its_function_or_its_name(db, redis_url, verb):
    by_name = outcome(redis_url, db, verb, registered=True, by="Mailer")
    assert by_name == outcome(redis_url, db, verb, registered=True, by=Mailer)
    by_name = outcome(redis_url, db, verb, registered=True, by="Mailer::Remind")
    assert by_name == outcome(redis_url, db, verb, registered=True, by=remind)
    assert by_name[0] not in (0, [], False)


@pytest.mark.parametrize("verb", VERBS)
def test_a_class_that_nobody_registered_may_be_given_too(db, redis_url, verb):
    known = outcome(redis_url, db, verb, registered=True, by=Mailer)
    assert outcome(redis_url, db, verb, registered=False, by=Mailer) == known


def test_a_worker_may_be_given_as_the_list_of_workers_gives_it(db, redis_url):
    db.sadd("resque:workers", "gone:1:low")
    with Resque(redis_url) as resque:
        (worker,) = resque.workers()
        assert resque.find_worker(worker) == resque.find_worker(worker.id) == worker
        assert resque.remove_worker(worker)[0] == 1
        assert resque.workers() == []
        assert resque.find_worker(worker) is None
