"""The command ``web``: it serves, for its own host alone unless somebody is named who may use it."""

from __future__ import annotations

import re
import signal
import urllib.error
import urllib.request

import pytest


def get(address: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def serve(start):
    """Start the dashboard on a free port; its address, from the line that it prints."""

    def call(*args: str, **env: str) -> tuple[str, object]:
        process = start("web", *args, **{"PYRESQUE_WEB_BIND": "127.0.0.1:0", **env})
        line = process.stdout.readline()
        found = re.fullmatch(r"the dashboard is at (http://\S+)/\n", line)
        assert found, (line, process.poll())
        return found[1], process

    return call


def test_it_serves_this_host_until_it_is_stopped(serve, resque):
    resque.enqueue_to("low", "Job")
    address, process = serve()
    status, page = get(f"{address}/overview")
    assert status == 200
    assert "1 pending" in page
    assert get(f"{address}/queues/low")[0] == 200
    for name, quoted in (("a/b", "a%2Fb"), ("a%2Fb", "a%252Fb"), ("x.json", "x.json?format=html")):
        resque.enqueue_to(name, "Job")
        status, page = get(f"{address}/queues/{quoted}")
        assert (status, f"<h1>{name}: " in page) == (200, True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) in {0, -signal.SIGTERM}
    assert "Traceback" not in process.stderr.read()


def test_open_pages_end_quietly_with_it(serve):
    address, process = serve()
    pages = [urllib.request.urlopen(f"{address}/live", timeout=60) for _ in range(3)]
    assert all(page.readline().startswith(b"retry:") for page in pages)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) in {0, -signal.SIGTERM}
    assert process.stderr.read() == ""
    for page in pages:
        with page:
            page.read()  # to its end: a stream that is cut off raises IncompleteRead


def test_it_serves_an_application_s_settings_below_a_prefix(serve, resque):
    address, _ = serve("-A", "myapp:resque", "--prefix", "/jobs", "--read-only")
    assert address.endswith("/jobs")
    status, page = get(f"{address}/overview")
    assert status == 200
    assert "read-only" in page


def test_a_page_by_another_name_is_refused(serve):
    address, _ = serve()
    assert get(f"{address}/overview", Host="evil.example")[0] == 421


def test_who_logs_in_is_asked(serve):
    address, _ = serve(PYRESQUE_WEB_AUTH="ann:s3cret")
    assert get(f"{address}/overview")[0] == 401
    assert get(f"{address}/overview", Authorization="Basic YW5uOnMzY3JldA==")[0] == 200


@pytest.mark.parametrize("bind", ["0.0.0.0:0", "[::]:0", "192.0.2.1:5678", "example.org:80"])
def test_it_serves_others_only_if_somebody_is_named_or_all_are(run, bind):
    result = run("web", "--bind", bind)
    assert result.exit_code == 2
    assert "nothing says who may use the dashboard" in result.stderr
    assert "--no-auth" in result.stderr


def test_it_serves_others_if_that_is_said(serve):
    address, _ = serve("--bind", "0.0.0.0:0", "--no-auth")
    port = address.rpartition(":")[2]
    assert get(f"http://127.0.0.1:{port}/overview")[0] == 200


def test_no_auth_and_a_log_in_contradict_each_other(run, monkeypatch):
    monkeypatch.setenv("PYRESQUE_WEB_TOKEN", "s3cret")
    result = run("web", "--no-auth")
    assert result.exit_code == 2
    assert "s3cret" not in result.output


@pytest.mark.parametrize("bind", ["5678", ":5678", "host", "host:99999", "::1:80", "host:x"])
def test_an_address_that_is_none_is_bad_usage(run, bind):
    result = run("web", "--bind", bind)
    assert result.exit_code == 2
    assert "is no HOST:PORT" in result.stderr


@pytest.mark.parametrize("given", ["s3cret", ":s3cret", "ann:", " : "])
def test_a_log_in_that_is_none_is_bad_usage_and_not_repeated(run, monkeypatch, given):
    monkeypatch.setenv("PYRESQUE_WEB_AUTH", given)
    result = run("web")
    assert result.exit_code == 2
    assert "is no USER:PASSWORD" in result.stderr
    assert "s3cret" not in result.output


def test_an_address_that_is_taken_is_reported_on_one_line(run):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("web", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.exit_code == 1
    assert "cannot listen at" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_the_extra_the_command_says_what_to_install(run, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = run("web")
    assert result.exit_code == 1
    assert "pip install 'pyresque[web]'" in result.stderr


def test_a_password_is_in_no_line(serve, resque):
    address, process = serve(PYRESQUE_WEB_AUTH="ann:s3cret")
    get(f"{address}/overview")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert "s3cret" not in output + errors
