"""Recorded scenarios of workers' records, run on ours: ids, registration, heartbeats, start-up, pruning."""

from __future__ import annotations

import os
import select
import socket
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compat_tests.worker_play import ID, NOTHING, SCENARIOS, At, job, now, worker_of
from compat_tests.worker_stage import PATIENCE
from pyresque.job.worker_registry import WorkerId
from pyresque.process.host.posix import PosixHost
from pyresque.process.run.worker import build_worker
from pyresque.process.worker.queue_list import QueueList
from pyresque.ruby import time as ruby_time
from pyresque.ruby.time import parse_time
from pyresque.settings import Settings

if TYPE_CHECKING:
    from compat_tests.golden import State
    from compat_tests.worker_play import Calls, Play
    from pyresque.process.worker.worker import Worker


# -- who a worker is ------------------------------------------------------------------------------


def id_format(play: Play) -> Any:
    worker = play.worker()
    one = WorkerId.parse(worker.id)
    return At({0: worker.id, 1: str(one), 3: one.host, 4: one.pid, 5: worker.queue_list.patterns})


def id_real_host_and_pid(play: Play) -> Any:
    posix = PosixHost()
    worker = build_worker(play.world.resque, QueueList.parse(("a", "b")), posix)
    posix.close()
    return worker.id.replace(str(os.getpid()), "<PID>").replace(socket.gethostname(), "golden-host")


def id_one_string_with_comma(play: Play) -> Any:
    worker = play.worker("high,low")
    return [worker.id, worker.queue_list.patterns]


def id_from_settings(play: Play) -> Any:
    return str(WorkerId("golden-host", 4242, QueueList.parse(Settings.load().queues).patterns))


def no_queues(play: Play) -> Any:
    return QueueList.parse(())


def find(play: Play) -> Any:
    info = play.info()
    return [info, info.host, info.pid, info.queues, info.id]


def find_skip_exists(play: Play) -> Any:
    play.world.client.sadd("resque:workers", "h:12x:a,b,c")
    info = play.info("h:12x:a,b,c")
    play.world.client.delete("resque:workers")
    return [info, info.pid, info.queues]


def find_queue_with_colon(play: Play) -> Any:
    parsed = WorkerId.parse("h:1:a:b,c")
    return [str(parsed), parsed.queues]


def working(play: Play) -> Any:
    return [
        [info, info.working_on, info.state]
        for info in play.run(play.core.worker_registry.working())
    ]


IDENTITY: Calls = {
    "id_format": id_format,
    "id_real_host_and_pid": id_real_host_and_pid,
    "id_queues_stripped": lambda p: p.worker(" high ", "low").id,
    "id_star": lambda p: p.worker("*").id,
    "id_without_skipped": lambda p: p.worker("high", "!low").id,
    "id_one_string_with_comma": id_one_string_with_comma,
    "queues_from_env_queue": id_from_settings,
    "queues_from_env_queues": id_from_settings,
    "queues_from_env_queues_empty": id_from_settings,
    "queues_none": no_queues,
    "queues_only_skip": lambda p: p.worker("!low"),
    "find": find,
    "find_missing": lambda p: p.info("golden-host:1:none"),
    "find_skip_exists": find_skip_exists,
    "find_queue_with_colon": find_queue_with_colon,
    "attach": lambda p: p.info(),
    "exists": lambda p: [p.run(p.table.exists(ID)), p.run(p.table.exists("x"))],
    "equality": lambda p: (
        WorkerId("golden-host", 4242, ("a",)) == WorkerId.parse("golden-host:4242:a")
    ),
    "all": lambda p: p.run(p.core.worker_registry.all()),
    "working": working,
    "working_none": lambda p: p.run(p.core.worker_registry.working()),
    "workers_shortcuts": lambda p: [p.world.resque.workers(), p.world.resque.working()],
}


# -- registering and the records --------------------------------------------------------------------


def register(play: Play) -> Any:
    play.run(play.worker().register_worker())
    return NOTHING


def registered_at(play: Play) -> Any:
    register(play)
    return play.info().started


def started_bang(play: Play) -> Any:
    play.run(play.table.starting(ID, ruby_time.to_s(now())))
    return play.run(play.table.started(ID))


def unregister(play: Play, error: BaseException | None = None) -> Any:
    return play.run(play.worker().unregister_worker(error))


def working_on(play: Play, *args: Any) -> Any:
    play.run(play.worker().working_on(job("high", "HighJob", *args)))
    return NOTHING


def working_on_extra_payload_keys(play: Play) -> Any:
    play.run(play.worker().working_on(play.world.resque.reserve("high")))
    return NOTHING


def done_working(play: Play) -> Any:
    worker = play.worker()
    play.run(worker.working_on(job("high", "HighJob")))
    assert play.world.state() == play.world.scenario.before
    play.run(worker.done_working())
    return NOTHING


def state_and_job(play: Play) -> Any:
    info = play.info()
    on = info.working_on
    return [
        info.state,
        info.state == "working",
        info.state == "idle",
        on,
        on,
        info.processed,
        info.failed,
    ]


def state_idle(play: Play) -> Any:
    info = play.info()
    on = info.working_on or {}
    return [
        info.state,
        info.state == "working",
        info.state == "idle",
        on,
        info.processed,
        info.failed,
    ]


def job_cached(play: Play) -> Any:
    before = play.info()
    play.world.client.delete(f"resque:worker:{ID}")
    return [before.working_on, play.info().working_on or {}]


def counted(play: Play, what: str) -> Any:
    for name in (what, f"{what}:{ID}"):
        play.run(play.core.stats.increment(name))
    play.world.client.sadd("resque:workers", ID)
    info = play.info()
    play.world.client.delete("resque:workers")
    return getattr(info, what)


RECORDS: Calls = {
    "register": register,
    "register_twice": register,
    "register_new_york": registered_at,
    "register_kolkata": registered_at,
    "started_bang": started_bang,
    "unregister_idle": unregister,
    "unregister_never_registered": unregister,
    "unregister_while_working": unregister,
    "unregister_while_working_with_exception": partial(unregister, error=RuntimeError("why")),
    "unregister_while_working_runs_failure_hooks": unregister,
    "unregister_while_working_unknown_class": unregister,
    "unregister_while_working_hook_raises": unregister,
    "remove_worker": lambda p: p.world.resque.remove_worker(ID),
    "working_on": lambda p: working_on(p, 1, {"a": None}),
    "working_on_extra_payload_keys": working_on_extra_payload_keys,
    "working_on_new_york": working_on,
    "done_working": done_working,
    "state_and_job": state_and_job,
    "state_idle": state_idle,
    "job_cached": job_cached,
    "processed_bang": partial(counted, what="processed"),
    "failed_bang": partial(counted, what="failed"),
}


# -- heartbeats and start-up --------------------------------------------------------------------------


def beat(play: Play) -> Any:
    play.run(play.worker().heartbeat.beat())
    return NOTHING


def beaten_at(play: Play) -> Any:
    beat(play)
    text = play.run(play.table.heartbeat(ID))
    return {"time": parse_time(text, now().tzinfo).isoformat()}


def expired(play: Play) -> Any:
    return [
        worker_of(worker_id) for worker_id in play.run(play.worker().pruner.search().expired(b"0"))
    ]


def expired_after_ten(play: Play) -> Any:
    play.settings(prune_interval=10.0)
    return expired(play)


def startup(play: Play) -> Worker:
    worker = play.worker()
    play.run(worker.startup())
    return worker


def startup_sequence(play: Play) -> Any:
    worker = startup(play)
    assert play.host.titles == ["pyresque-1.0.0: Starting"]
    return At({0: worker.id})


def startup_procline(play: Play) -> Any:
    def noting() -> None:
        play.note("procline in before_first_fork", as_ruby_starts(play.host.titles[-1]))

    play.world.resque.before_first_fork(noting)
    startup(play)
    return as_ruby_starts(play.host.titles[-1])


def as_ruby_starts(title: str) -> str:
    """Ruby leaves its version out of this one title; ours keeps it, because ``resque-1`` is what Ruby's ``ps`` looks for."""
    return title.replace("pyresque-1.0.0:", "resque:")


def startup_with_little_to_say(play: Play) -> Any:
    startup(play)
    return NOTHING


def heartbeat_interval_is_lock_ttl(play: Play) -> Any:
    play.settings(heartbeat_interval=7.0)
    return play.run(play.worker().prune_dead_workers())


LIVENESS: Calls = {
    "heartbeat_write": beaten_at,
    "heartbeat_format_new_york": beaten_at,
    "heartbeat_format_kolkata": beat,
    "heartbeat_format_utc": beat,
    "heartbeat_remove": lambda p: p.run(p.table.remove_heartbeat(ID)),
    "heartbeat_none": lambda p: p.run(p.table.heartbeat(ID)),
    "all_heartbeats": lambda p: p.run(p.table.heartbeats()),
    "expired_heartbeats_boundary": expired,
    "expired_heartbeats_prune_interval": expired_after_ten,
    "expired_heartbeats_offset_formats": expired,
    "intervals": lambda p: [
        int(p.core.settings.heartbeat_interval),
        int(p.core.settings.prune_interval),
    ],
    "startup_sequence": startup_sequence,
    "startup_procline": startup_procline,
    "startup_prune_lock_taken": startup_with_little_to_say,
    "startup_with_stale_heartbeat": startup_with_little_to_say,
    "heartbeat_interval_is_lock_ttl": heartbeat_interval_is_lock_ttl,
}


# -- pruning ------------------------------------------------------------------------------------------------


def prune(play: Play) -> Any:
    """Ruby answers with the workers it looked at, ours with those it pruned: those that are gone afterwards."""
    scenario = play.world.scenario
    pruned = play.run(play.pruner().prune_dead_workers())
    if scenario.returns is None:
        return pruned
    assert sorted(pruned) == sorted(_known(scenario.before) - _known(scenario.after))
    return NOTHING


def _known(state: State | None) -> set[str]:
    state = state or {}
    members = state.get("resque:workers", {"value": []})["value"]
    return {*members, *state.get("resque:workers:heartbeat", {"value": {}})["value"]}


def worker_pids_by_process_title(play: Play) -> Any:
    return taken_for_workers(play.host.posix, list(play.world.scenario.returns))


def taken_for_workers(posix: PosixHost, titles: list[str]) -> dict[str, bool]:
    """Whether processes of these titles count as workers."""
    children = {title: subprocess.Popen([title, "30"], executable="/bin/sleep") for title in titles}
    try:
        for title, child in children.items():
            line = Path(f"/proc/{child.pid}/cmdline")
            for _ in range(int(PATIENCE * 200)):
                if line.read_bytes().startswith(title.encode()):
                    break
                select.select([], [], [], 0.005)
        found = posix.worker_pids()
        assert found is not None
        return {title: child.pid in found for title, child in children.items()}
    finally:
        for child in children.values():
            child.kill()
            child.wait()


BETTER_PRUNING = (
    "prune_bad_worker_payload",
    "prune_worker_id_without_queues",
    "prune_worker_id_with_empty_queues",
)

PRUNING: Calls = {
    **{
        name: prune
        for name in SCENARIOS
        if name.startswith("prune_") and name not in BETTER_PRUNING
    },
    "worker_pids_by_process_title": worker_pids_by_process_title,
}
