"""The classes to mix into test cases of unittest: the jobs of a class's set-up and of each test stay in the tests' Redis."""

from __future__ import annotations

import unittest

import pytest

from pyresque import Resque
from pyresque.errors import TestKitError
from pyresque.testing import InlineJobs, RecordedJobs, assert_enqueued, enqueued_jobs

#: Nothing listens there.
app = Resque("redis://127.0.0.1:1/0")
done: list[int] = []


@app.job(queue="q")
def work(number: int) -> None:
    done.append(number)


class Cases:
    """Hides the cases from the collection of these tests."""

    class Recorded(RecordedJobs, unittest.TestCase):
        @classmethod
        def setUpClass(cls) -> None:
            super().setUpClass()
            app.enqueue(work, 0)

        def setUp(self) -> None:
            app.enqueue(work, 1)

        def test_one(self) -> None:
            assert [job.args for job in enqueued_jobs()] == [[1]]
            self.resque_kit.clear()

        def test_two(self) -> None:
            assert_enqueued(work, 1, count=1)

        def test_three(self) -> None:
            with self.subTest("a part"):
                assert_enqueued(work, 2)

    class WithoutSuper(RecordedJobs, unittest.TestCase):
        @classmethod
        def setUpClass(cls) -> None:
            """Forgets the class above, and asks a Redis that is not there, were it the application's."""
            app.enqueue(work, 0)

        def test_one(self) -> None:
            app.enqueue(work, 1)
            assert_enqueued(work, 1)

    class Inline(InlineJobs, unittest.TestCase):
        def test_one(self) -> None:
            app.enqueue(work, 7)
            assert done == [7]

    class Awaited(RecordedJobs, unittest.IsolatedAsyncioTestCase):
        async def test_one(self) -> None:
            app.enqueue(work, 1)
            assert_enqueued(work, 1)


@pytest.mark.parametrize(
    ("case", "ran", "failed"),
    [
        (Cases.Recorded, 3, 1),
        (Cases.WithoutSuper, 1, 0),
        (Cases.Inline, 1, 0),
        (Cases.Awaited, 1, 0),
    ],
)
def test_a_case_runs_with_jobs_of_its_own(case, ran, failed):
    done.clear()
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    problems = [text for _, text in (*result.failures, *result.errors)]
    assert (result.testsRun, len(problems), result.errors) == (ran, failed, [])
    assert all("Work(2) is not enqueued" in text for text in problems)
    assert "driver" not in vars(app)


def test_a_debugger_runs_a_case_with_jobs_of_its_own():
    Cases.WithoutSuper("test_one").debug()


def test_a_class_that_would_run_without_its_kit_is_refused():
    with pytest.raises(TestKitError, match="class Late: name InlineJobs before TestCase"):
        type("Late", (unittest.TestCase, InlineJobs), {})
