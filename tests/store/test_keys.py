from __future__ import annotations

import pytest

from pyresque.errors import SettingsError
from pyresque.store.keys import Keys


def test_every_key_bears_the_namespace_and_rubys_name():
    keys = Keys("app")
    assert keys.queues == "app:queues"
    assert keys.queue("low") == "app:queue:low"
    assert keys.workers == "app:workers"
    assert keys.worker("h:1:low") == "app:worker:h:1:low"
    assert keys.worker_started("h:1:low") == "app:worker:h:1:low:started"
    assert keys.heartbeats == "app:workers:heartbeat"
    assert keys.pruning == "app:pruning_dead_workers_in_progress"
    assert keys.pause == "app:pause-all-workers"
    assert keys.stat("processed") == "app:stat:processed"
    assert (keys.failed(), keys.failed("low_failed")) == ("app:failed", "app:low_failed")
    assert keys.failed_queues == "app:failed_queues"
    assert keys.delayed_schedule == "app:delayed_queue_schedule"
    assert keys.delayed(1772366400) == "app:delayed:1772366400"
    assert keys.timestamps(b"\xff{}") == b"app:timestamps:\xff{}"
    assert keys.schedules == "app:persistent_schedules"
    assert keys.schedules_changed == "app:schedules_changed"
    assert keys.last_enqueued_at == "app:delayed:last_enqueued_at"


def test_the_schedulers_lock_bears_the_namespace_twice():
    assert Keys("app").master_lock() == "app:app:resque_scheduler_master_lock"
    assert Keys("app").master_lock("x") == "app:app:x:resque_scheduler_master_lock"


def test_bare_takes_only_its_own_namespace_off():
    assert Keys("app").bare("app:queue:low") == "queue:low"
    assert Keys("app").bare("other:queue:low") == "other:queue:low"
    assert Keys("app").of("queue:low") == "app:queue:low"


def test_an_empty_namespace_is_refused():
    with pytest.raises(SettingsError, match="namespace is empty"):
        Keys("")
