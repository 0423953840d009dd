"""The examples in the docstrings of the verbs, run on a Redis whose queues hold three jobs."""

from __future__ import annotations

import doctest

import pytest

from pyresque import Resque

#: The verbs that a newcomer meets first: each has an example.
MAIN = {
    *("enqueue", "enqueue_to", "enqueue_many", "enqueue_at", "enqueue_in", "push"),
    *("dequeue", "peek", "size", "queues", "info"),
}


class Archive:
    queue = "archive"

    @staticmethod
    def perform(repository): ...


def examples() -> dict[str, doctest.DocTest]:
    """The verbs that have examples."""
    found = {}
    for name in dir(Resque):
        text = getattr(getattr(Resque, name), "__doc__", None) or ""
        if not name.startswith("_") and ">>> " in text:
            found[name] = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    return found


def test_the_main_verbs_have_an_example() -> None:
    assert set(examples()) >= MAIN


@pytest.mark.parametrize("verb", sorted(examples()))
def test_an_example_gives_what_it_says(verb: str, redis_url: str, db: object) -> None:
    with Resque(redis_url) as resque:
        resque.job(Archive)
        resque.enqueue_to("mailers", "WelcomeMailer", 7)
        resque.enqueue_many([(Archive, 35), (Archive, 36)])
        test = examples()[verb]
        test.globs["resque"] = resque
        said: list[str] = []
        result = doctest.DocTestRunner().run(test, out=said.append)
    assert result.failed == 0, "".join(said)
    assert result.attempted
