"""The page on Django: a project made by ``startproject`` runs worker, scheduler, dashboard and its tests by the page alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import django
import httpx2 as httpx
import pytest

from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.redis_server import free_port

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "django.md").read_text(encoding="utf-8")
if django.VERSION < (6, 0):  # as the page says
    PAGE = PAGE.replace("django.tasks", "django_tasks")

#: The snippets in the order of the page: file, whether it goes to the file's end, code.
SNIPPETS = [
    (file, bool(end), code)
    for file, end, code in re.findall(
        r"```python\n# ([\w/]+\.py)(: at its end)?\n(.*?)```", PAGE, re.DOTALL
    )
]

#: The commands of the page's first part, in their order.
COMMANDS = re.findall(r"^    (django-admin .*|python manage\.py .*)$", PAGE, re.MULTILINE)
STAY = ("mail,default", "scheduler", "runserver")

#: How many snippets belong to a project from the start.
FIRST = PAGE[: PAGE.index("## Settings")].count("```python")

SETTINGS = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("django")


def write(folder: Path, snippets) -> None:
    for file, at_end, code in snippets:
        path = folder / file
        before = path.read_text(encoding="utf-8") if at_end else ""
        path.write_text(before + code, encoding="utf-8")
    if django.VERSION < (6, 0):
        path = folder / "mysite" / "settings.py"
        text = path.read_text(encoding="utf-8")
        if '"django_tasks"' not in text:
            path.write_text(f'{text}\nINSTALLED_APPS += ["django_tasks"]\n', encoding="utf-8")


class Project:
    """The project of the page, in its folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.env = {
            **os.environ,
            "REDIS_URL": url,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SUPERUSER_PASSWORD": "secret",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, command: str, status: int = 0, **env: str) -> str:
        """Run a command line of Python's; what it said."""
        done = subprocess.run(
            [sys.executable, *command.split()[1:]],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def run_all(self, commands: list[str], **env: str) -> str:
        """Run commands of the page in one process, as ``manage.py`` does each: it takes a second to start one."""
        lines = [command.removeprefix("python ").split() for command in commands]
        (self.folder / "run_all.py").write_text(
            "from django.core.management import execute_from_command_line\n"
            f"for words in {lines!r}:\n    execute_from_command_line(words)\n"
        )
        return self.run("python run_all.py", **env)

    @contextmanager
    def running(self, command: str):
        """A process of the page, ended as by its service manager."""
        process = subprocess.Popen(
            [sys.executable, *command.split()[1:]],
            cwd=self.folder,
            env=self.env,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.terminate()
            status = process.wait(60)
        assert status == 0 or "runserver" in command


def test_the_project_of_the_page_works(folder, redis_server, db):
    project = Project(folder, redis_server.url)
    at_once = [command for command in COMMANDS if command.split()[-1] not in STAY]
    project.run_all([command for command in at_once if "start" in command])
    write(folder, SNIPPETS[:FIRST])
    said = project.run_all([command for command in at_once if "start" not in command], **SETTINGS)
    assert "no issues" in said
    assert "Ran 2 tests" in said

    port = free_port()
    served = f"python manage.py runserver 127.0.0.1:{port} --noreload"
    with ExitStack() as stack:
        for command in COMMANDS:
            if command.split()[-1] in STAY[:2]:
                stack.enter_context(project.running(command))
        stack.enter_context(project.running(served))
        web = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}"))
        bought = eventually(lambda: asked(web, "/buy/7/?wait=1"), within=60)

        def value(name):
            status = f"mysite:status:{bought[name]}"
            eventually(lambda: db.get(status), lambda text: b'"completed"' in text, within=60)
            return web.get(f"/results/{bought[name]}/").json()

        assert value("receipt") == {"status": "SUCCESSFUL", "value": "receipt 7 in de"}
        assert value("shipping") == {
            "status": "SUCCESSFUL",
            "value": {"order": 7, "attempt": 1},
        }
        dashboard_of_staff(web)


def asked(web, path):
    try:
        return web.get(path).json()
    except httpx.ConnectError:
        return None


def dashboard_of_staff(web) -> None:
    """Log in as the page's user by the form of the admin, and see the dashboard."""
    sent = web.get("/admin/resque/")
    assert (sent.status_code, sent.headers["location"]) == (
        302,
        "/admin/login/?next=/admin/resque/",
    )
    form = web.get(sent.headers["location"])
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)[1]
    log_in = {"username": "ann", "password": "secret", "csrfmiddlewaretoken": token}
    done = web.post(sent.headers["location"], data=log_in)
    assert done.headers["location"] == "/admin/resque/"
    page = web.get("/admin/resque/workers")
    assert page.status_code == 200
    assert "mail" in page.text


def test_the_rest_of_the_page_works(folder, redis_server, db):
    """Goes on with the project of the test before."""
    project = Project(folder, redis_server.url)
    if not (folder / "manage.py").exists():
        pytest.fail("run this file as a whole")
    write(folder, SNIPPETS[FIRST:])
    program = """
import sys
import django
django.setup()
from django.db import transaction
from orders import orders, tasks
from pyresque.contrib.django import resque
print(sorted(each.name for each in resque.registered))
orders.close(7)
with transaction.atomic():
    tasks.receipt.using(priority=10).enqueue(1)
    print(resque.queue_sizes())
tasks.yearly.enqueue(2026)
tasks.monthly.enqueue("2026-11")
tasks.charge.enqueue(7)
print(resque.queue_sizes(), resque.delayed_queue_schedule_size(), flush=True)
sys.argv = ["pyresque", "worker", "-A", "pyresque.contrib.django.app", "-q", "*", "--burst"]
from pyresque.cli.main import main
main()
"""
    (folder / "try.py").write_text(program, encoding="utf-8")
    said = project.run("python try.py", **SETTINGS).splitlines()
    assert said[:3] == [
        str(
            ["Orders::Archive", "Reports::Monthly", "Reports::Yearly"]
            + [f"orders.tasks.{name}" for name in ("charge", "receipt", "ship")]
        ),
        "{'default': 1}",
        "{'default': 4, 'mail_high': 1} 1",
    ]
    failed = db.lrange("mysite:failed", 0, -1)
    assert len(failed) == 1
    assert b'{"class":"Reports::Yearly","args":[2026]}' in failed[0]


def test_manage_py_pyresque_is_pyresque(folder, redis_server, db):
    project = Project(folder, redis_server.url)
    helped = project.run("python manage.py pyresque worker --help")
    assert "manage.py pyresque worker" in helped
    assert "--executor" in helped
    wrong = project.run("python manage.py pyresque worker -q default --interval often", status=2)
    assert "--interval" in wrong
    assert "Traceback" not in wrong
    with (folder / "mysite" / "settings.py").open("a", encoding="utf-8") as file:
        file.write('\nPYRESQUE["namspace"] = "x"\n')
    checked = project.run("python manage.py check", status=1)
    assert "pyresque.E001" in checked
    assert "did you mean namespace?" in checked
    refused = project.run("python manage.py pyresque worker -q default", status=1)
    assert "did you mean namespace?" in refused
    assert "Traceback" not in refused


def test_every_snippet_of_the_page_is_written_to_a_file():
    assert len(SNIPPETS) == PAGE.count("```python")
    assert all(command.startswith(("django-admin", "python manage.py")) for command in COMMANDS)
