from __future__ import annotations

import pytest

from pyresque.job.hooks import WORKER_HOOKS as NAMES, WorkerHooks
from tests.support.scripted_driver import result_of


@pytest.mark.parametrize("name", NAMES)
def test_hooks_run_in_the_order_they_were_added_with_what_they_are_given(name):
    hooks, ran = WorkerHooks(), []
    assert not hooks.any(name)
    hooks.add(name, lambda *args: ran.append(("first", args)))
    hooks.add(name, lambda *args: ran.append(("second", args)))
    result_of(hooks.run(name, 1))
    hooks.run_now(name, 2)
    assert ran == [("first", (1,)), ("second", (1,)), ("first", (2,)), ("second", (2,))]
    assert hooks.any(name)


def test_a_hook_of_an_unknown_name_is_refused():
    with pytest.raises(KeyError):
        WorkerHooks().add("before_lunch", print)
