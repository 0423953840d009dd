"""The mover in a cluster: its scripts name keys of one slot alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque import Resque
from tests.support.moving import mover, payload, turn

if TYPE_CHECKING:
    from tests.support.redis_sets import Cluster


def test_jobs_move_aside_and_back_in_a_cluster(cluster: Cluster) -> None:
    with Resque(cluster.url, namespace="{moving}") as resque:
        resque.routes.set("P", "python", brake=5)
        for number, name in enumerate("PRPR"):
            resque.run(resque.core.table.push("low", [payload(name, number)]))
        made = mover(resque)
        made.brakes = resque.core.brakes
        turn(resque, made)
        assert resque.run(made.table.lying_aside()) == {"low": 2}
        resque.routes.set("P", "ruby")
        turn(resque, made)
        assert [job.args[0] for job in resque.peek("low", 0, 9)] == [0, 2, 1, 3]
        assert resque.run(made.table.lying_aside()) == {}
