"""How many round trips a plugin adds to an enqueue and to a job, as docs/plugins.md says; a class without plugins has none."""

from __future__ import annotations

import re

import pytest

from pyresque import Resque, plugins
from pyresque.job.job import read_job
from pyresque.job.job_end import JobEnd
from pyresque.job.perform import perform
from pyresque.job.plugin import moment
from pyresque.ops import Batch, Command, rewrite
from pyresque.store.settle import carry_out
from tests.support import ROOT

#: Plugins that do nothing without options.
OPTIONS = {"Restriction": {"per_day": 5}}


def documented():
    """The table of round trips on the page."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)(\(loner=True\))?` \| (\d) \| (\d) \|$", page, re.MULTILINE)
    return {(name, bool(loner)): (int(enqueue), int(job)) for name, loner, enqueue, job in rows}


def trips(resque, operation):
    """How many round trips an operation makes."""
    made = []

    def counted(request):
        if isinstance(request, (Command, Batch)):
            made.append(request)
        return request

    async def carried():
        await rewrite(operation, counted)

    resque.run(carried())
    return len(made)


def costs(resque, db, given):
    """The round trips that an enqueue and a job of a class with these plugins make beside their own."""
    resque.job("Report", queue="low", plugins=given)(lambda n: None)
    resque.enqueue("Report", 0)  # the server knows the scripts then
    registry, codec = resque.core.registry, resque.core.codec
    end = JobEnd()
    resque.run(perform(registry, resque.reserve("low"), end))
    resque.run(carry_out(end.commands))
    db.flushdb()
    enqueue = trips(resque, resque.core.jobs.enqueue("Report", 1)) - 1
    job = read_job(codec, "low", db.lpop("resque:queue:low"))

    async def work():
        entry, end = registry.with_plugins_of(job), JobEnd()
        if entry is not None:
            await moment(entry, "taken")
        await perform(registry, job, end)

    return enqueue, trips(resque, work())


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url) as made:
        yield made


def test_a_class_without_plugins_makes_no_round_trip_more(resque, db):
    assert costs(resque, db, []) == (0, 0)


@pytest.mark.parametrize(("name", "loner"), documented())
def test_the_page_says_what_a_plugin_costs(resque, db, name, loner):
    given = {"loner": True} if loner else OPTIONS.get(name, {})
    plugin = getattr(plugins, name)(**given)
    assert costs(resque, db, [plugin]) == documented()[name, loner]


def test_a_limit_of_jobs_at_a_time_is_given_back_without_a_round_trip(resque, db):
    assert costs(resque, db, [plugins.Restriction(concurrent=2, per_day=5)]) == (0, 1)


def test_data_about_a_job_cost_one_round_trip_at_enqueue_and_four_at_work(resque, db):
    meta = plugins.Meta()
    resque.job("Report", queue="low", plugins=[meta])(lambda *args: None)
    assert trips(resque, meta.enqueue(resque, "Report", 1)) - 1 == 1
    registry = resque.core.registry
    assert trips(resque, perform(registry, resque.reserve("low"))) == 4


def test_the_page_names_every_plugin():
    known = set(plugins.__all__) - {"Plugin", "PluginJob", "Uniqueness"}
    assert {name for name, _ in documented()} == known
