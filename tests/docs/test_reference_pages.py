"""The pages that are made from the code are what the code says, and leave out nothing that is public."""

from __future__ import annotations

import json
import logging
import re
from importlib import import_module
from pathlib import Path

import pytest

from pyresque import AsyncResque, Job, Payload, Resque
from pyresque.cli.main import COMMANDS
from pyresque.clock import SystemClock
from pyresque.doctor.key_rules import rules
from pyresque.failure.report import ErrorReport
from pyresque.failures import AsyncFailures, Failures
from pyresque.job.registry import Registry
from pyresque.process.start.log_format import JsonFormatter
from pyresque.process.worker.job_log import JobLog
from pyresque.retries import AsyncRetries, Retries
from pyresque.settings import Settings
from pyresque.store.keys import Keys
from pyresque.store.workers import Redelivery
from tests.support.pages import DOCS, script, text_of

making = script("making")

#: Every page of the reference, as one text.
REFERENCE = text_of(
    *(str(path.relative_to(DOCS)) for path in sorted((DOCS / "reference").glob("*.md")))
)


@pytest.mark.parametrize("name", ["api", "commands", "keys"])
def test_the_pages_that_a_script_writes_are_what_the_code_says(name: str) -> None:
    for path, text in script(f"make_{name}").pages().items():
        assert (DOCS / path).read_text(encoding="utf-8") == text, f"run: python docs/make_{name}.py"


def test_no_page_of_a_script_is_left_over() -> None:
    made = {
        *script("make_api").pages(),
        *script("make_commands").pages(),
        *script("make_keys").pages(),
    }
    there = {
        str(path.relative_to(DOCS))
        for folder in ("reference", "commands")
        for path in (DOCS / folder).glob("*.md")
    }
    assert there - made == {"reference/log-fields.md"}
    assert {Path(path).stem for path in made if path.startswith("commands/")} == set(COMMANDS)


def public(owner: object) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def test_every_public_attribute_of_both_faces_has_a_heading() -> None:
    url = "redis://nowhere:1/0"
    named = set(re.findall(r"^### (\w+)$", REFERENCE, flags=re.MULTILINE))
    assert public(Resque(url)) - named == set()
    assert public(AsyncResque(url)) - named == set()
    inner = {"core", "run"}
    assert (public(Failures) | public(AsyncFailures)) - named - inner == set()
    assert (public(Retries) | public(AsyncRetries)) - named - inner == set()


def test_every_public_name_of_every_public_module_is_on_a_page() -> None:
    modules = making.public_modules()
    assert {"pyresque", "pyresque.errors", "pyresque.activejob", "pyresque.plugins"} <= set(modules)
    missing = [
        f"{module}.{name}"
        for module in modules
        for name in making.public_names(module)
        if not re.search(rf"^## {name}$|^\| `{name}` ", REFERENCE, flags=re.MULTILINE)
    ]
    assert missing == []


def test_every_setting_is_on_its_page_and_every_error_has_a_cure() -> None:
    settings = text_of("settings.md")
    assert [name for name in Settings.ROWS if f"| `{name}` |" not in settings] == []
    errors = making.public_names("pyresque.errors")
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \| (.+?) \|", text_of("reference/errors.md"), re.MULTILINE
    )
    assert {name for name, raised, cure in rows if raised and cure} == set(errors)


def test_every_field_of_a_log_line_is_on_the_page(caplog) -> None:
    caplog.set_level(logging.INFO, logger="pyresque")
    payload = Payload("SyncJob", [7], {"enqueued_at": "2026-03-01T12:00:00Z"})
    job, jobs = Job("mailers", payload, b"{}"), JobLog(SystemClock(), "host:7:*", Registry())
    jobs.got(job)
    jobs.done(job)
    jobs.done(job, undone=True)
    jobs.failed(job, ErrorReport("OSError", "away"))
    jobs.redelivered(job, Redelivery("mailers", b"{}", 1, 3), OSError("gone"))
    page = text_of("reference/log-fields.md")
    named = set(re.findall(r"^\| `([\w ]+)` \|", page, re.MULTILINE))
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert len(lines) == 5
    fields = {field for line in lines for field in line} | {"queue_time", "job_id"}
    events = {line["event"] for line in lines} | {"start"}
    assert named == fields | events


def test_the_lines_of_redis_cli_only_read_what_is_of_their_type(db) -> None:
    from tests.support.full_redis import fill

    fill(db, broken=False)
    before = db.dbsize()
    lines = re.findall(r"^redis-cli (.+)$", text_of("reference/keys.md"), re.MULTILINE)
    assert len(lines) > 50
    for line in lines:
        db.execute_command(*line.replace("QUEUE 0", "mailers 0").split())
    assert db.dbsize() == before


def test_a_module_is_public_by_one_list() -> None:
    for module in making.public_modules():
        assert import_module(module).__doc__, module


def test_the_types_of_keys_are_those_that_the_doctor_expects() -> None:
    page = text_of("reference/keys.md")
    told = re.findall(
        r"^### `(\S+)`.*?^\| (string|list|set|hash|sorted set) \|", page, re.DOTALL | re.MULTILINE
    )
    assert len(told) == len(re.findall(r"^### ", page, re.MULTILINE))
    rules_of_doctor = rules(Keys())
    held = 0
    for key, kind in told:
        rule = next((rule for rule in rules_of_doctor if rule.fits(key)), None)
        if rule is not None:
            held += 1
            assert {"zset": "sorted set"}.get(rule.type, rule.type) == kind, key
    assert held > 25
