"""What is enqueued inside a transaction waits for its commit, where that is asked for."""

import pytest
from django.db import transaction
from shop import tasks

from pyresque.contrib.django import resque


def waiting(db):
    return sum(db.llen(f"resque:queue:{name.decode()}") for name in db.smembers("resque:queues"))


class UndoError(Exception):
    """Rolls a transaction back."""


def test_a_task_of_a_backend_with_on_commit_waits_for_the_commit(db, library, heard):
    with transaction.atomic():
        result = tasks.add.using(backend="careful").enqueue(1)
        assert result.status == "READY"
        assert (waiting(db), heard) == (0, [])
        with pytest.raises(library.TaskResultDoesNotExist):
            result.refresh()
    assert waiting(db) == len(heard) == 1
    result.refresh()
    assert result.status == "READY"


def test_what_is_rolled_back_is_not_enqueued(db):
    def roll_back():
        with transaction.atomic():
            tasks.add.using(backend="careful").enqueue(1)
            resque.on_commit().enqueue("Plain", "inner")
            raise UndoError

    with pytest.raises(UndoError):
        roll_back()
    assert waiting(db) == 0
    with transaction.atomic():
        with pytest.raises(UndoError):
            roll_back()
        resque.on_commit().enqueue("Plain", "outer")
    assert db.lrange("resque:queue:default", 0, -1) == [b'{"class":"Plain","args":["outer"]}']


def test_the_verbs_that_enqueue_wait_for_the_commit_of_their_database(db):
    with transaction.atomic(using="other"):
        with transaction.atomic():
            resque.on_commit().enqueue_to("mail", "Plain", 1)
            resque.on_commit(using="other").enqueue_in(60, "Plain", 2)
            assert waiting(db) == 0
        assert waiting(db) == 1
        assert db.keys("resque:delayed:*") == []
    assert len(db.keys("resque:delayed:*")) == 1


def test_without_a_transaction_it_is_enqueued_at_once(db):
    assert resque.on_commit().enqueue("Plain", 1) is None
    assert waiting(db) == 1


@pytest.mark.parametrize("verb", ["size", "remove_queue", "enqueue_middleware", "job"])
def test_other_verbs_wait_for_no_commit(verb):
    with pytest.raises(AttributeError, match="enqueues nothing"):
        getattr(resque.on_commit(), verb)
