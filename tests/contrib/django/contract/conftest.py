"""A Django site with a worker in this process, and what the contract's tests share. Its Redis is at CONTRACT_REDIS_URL."""

import os

import django
import pytest
import redis
from django.conf import settings

OURS = "pyresque.contrib.django.ResqueBackend"
URL = os.environ["CONTRACT_REDIS_URL"]
BACKPORT = django.VERSION < (6, 0)
LIBRARY = "django_tasks" if BACKPORT else "django.tasks"
FILES = os.environ["CONTRACT_FILES"]

settings.configure(
    SECRET_KEY="contract",
    DEBUG=False,
    ALLOWED_HOSTS=["testserver", "localhost"],
    ROOT_URLCONF="urls",
    USE_TZ=True,
    TIME_ZONE="Europe/Berlin",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        *(["django_tasks"] if BACKPORT else []),
        "pyresque.contrib.django",
        "shop",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    DATABASES={
        name: {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{FILES}/{name}.sqlite3",
            "ATOMIC_REQUESTS": True,
        }
        for name in ("default", "other")
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    PYRESQUE={"url": URL, "interval": 0.0},
    TASKS={
        "default": {
            "BACKEND": OURS,
            "QUEUES": ["default", "mail"],
            "OPTIONS": {"result_limit": 1000},
        },
        "ranked": {
            "BACKEND": OURS,
            "OPTIONS": {"priorities": {10: "{queue}_high", 0: "{queue}", -100: "slow"}},
        },
        "noting": {"BACKEND": f"{LIBRARY}.backends.dummy.DummyBackend"},
        "careful": {"BACKEND": OURS, "OPTIONS": {"on_commit": True}},
    },
)
django.setup()

from django.core.management import call_command  # noqa: E402 - after the set-up
from django.db import connections  # noqa: E402
from shop import models, tasks  # noqa: E402

for alias in settings.DATABASES:
    call_command("migrate", verbosity=0, run_syncdb=True, database=alias)


@pytest.fixture(autouse=True)
def db():
    """Redis and the databases, empty."""
    tasks.seen.clear()
    for each in settings.DATABASES:
        models.Order.objects.using(each).all().delete()
    with redis.Redis.from_url(URL) as client:
        client.flushall()
        yield client
    connections.close_all()


@pytest.fixture
def work(monkeypatch):
    """A function that has a worker empty the queues, in this process or in a child."""
    monkeypatch.setenv("INTERVAL", "0")

    def burst(executor="inline", queues="*"):
        call_command("pyresque", "worker", "-q", queues, "--burst", "--executor", executor)

    return burst


@pytest.fixture
def library():
    """Django's tasks, or the backport's."""

    class Library:
        if BACKPORT:
            import django_tasks as tasks
            from django_tasks import exceptions, signals

            InvalidTask = exceptions.InvalidTaskError
        else:
            from django import tasks
            from django.tasks import exceptions, signals

            InvalidTask = exceptions.InvalidTask

        TaskResultDoesNotExist = exceptions.TaskResultDoesNotExist
        TaskResultMismatch = exceptions.TaskResultMismatch

    return Library


@pytest.fixture
def heard(library):
    """The signals that were sent: their names, senders and results' states."""
    found = []
    receivers = []
    for name in ("task_enqueued", "task_started", "task_finished"):

        def receive(sender, task_result, name=name, **_):
            found.append((name, sender.__name__, str(task_result.status)))

        receivers.append(receive)
        getattr(library.signals, name).connect(receive)
    yield found
    for name, receive in zip(
        ("task_enqueued", "task_started", "task_finished"), receivers, strict=True
    ):
        getattr(library.signals, name).disconnect(receive)
