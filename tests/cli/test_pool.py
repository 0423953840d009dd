"""``pyresque pool``: which section of its file is wanted, and what is said of a file that is odd."""

from __future__ import annotations

import pytest

POOL = "production:\n  high: 1\nstaging:\n  stage: 1\ndevelopment:\n  dev: 1\n"


@pytest.mark.parametrize(
    ("env", "words", "queue"),
    [
        ({}, (), "dev"),
        ({"RESQUE_ENV": "production"}, (), "high"),
        ({"RAILS_ENV": "staging", "RESQUE_ENV": "production"}, (), "stage"),
        ({"RACK_ENV": "production", "RAILS_ENV": "staging"}, (), "high"),
        ({"RACK_ENV": "", "RAILS_ENV": "", "RESQUE_ENV": "staging"}, (), "stage"),
        ({"RACK_ENV": "production"}, ("-E", "staging"), "stage"),
    ],
)
def test_the_section_is_that_of_resque_pool_s_own_order(
    finish, db, run, environment, env, words, queue
):
    (environment / "pool.yml").write_text(POOL)
    for name in ("high", "stage", "dev"):
        run("enqueue", "Note", f'"{name}"', "-q", name)
    code, _, errors = finish("pool", "-A", "myapp", "-f", "pool.yml", *words, "--burst", **env)
    assert (code, errors) == (0, "")
    assert db.lrange("noted", 0, -1) == [f"('{queue}',)".encode()]


@pytest.mark.parametrize(("option", "name"), [("--stdout", "output"), ("--stderr", "error")])
def test_a_file_of_what_is_printed_that_cannot_be_written_is_reported_as_such(
    finish, environment, option, name
):
    (environment / "pool.yml").write_text(POOL)
    code, _, errors = finish("pool", "-A", "myapp", "-f", "pool.yml", option, "/nowhere/at/all")
    assert code == 1
    assert errors == (
        f"pyresque: [Errno 2] the file of standard {name} cannot be written: No such file or directory: '/nowhere/at/all'\n"
    )
