"""The tasks of the contract, as an application would write them."""

import os
import signal
import threading

try:
    from django.tasks import default_task_backend, task
except ImportError:
    from django_tasks import default_task_backend, task

from pyresque.contrib.django import resque, task as resque_task

#: What the tasks saw, for tests that perform them in this process.
seen = []


@task
def add(a, b=2):
    return a + b


@task
async def add_later(a, b=2):
    return a + b


@task(backend="noting")
def noted():
    return "noted"


@task
def anything(*args, **kwargs):
    return [list(args), kwargs]


@task
def by_keyword(*, month):
    return month


@task(takes_context=True)
def look(context, *, note=None):
    result = context.task_result
    stored = default_task_backend.get_result(result.id)
    return {
        "attempt": context.attempt,
        "id": result.id,
        "status": result.status,
        "stored": stored.status,
        "started": stored.started_at is not None,
        "finished": stored.finished_at is not None,
        "note": note,
    }


@task(takes_context=True)
async def look_later(context, note):
    return [context.attempt, context.task_result.status, note]


@task
def fail(text):
    raise ValueError(text)


@task
def fail_strangely():
    """As it comes of the name of a file that is no UTF-8, and of a text without an end."""
    raise ValueError(os.fsdecode(b"caf\xe9 ") + "x" * 200_000)


@task
async def fail_later(text):
    raise ValueError(text)


@task
def returns_no_json():
    return object()


@task
def returns_much(size):
    return "x" * size


@task
def cancel_itself():
    status = resque.status()
    resque.statuses.cancel(status.id)
    status.at(1, 2)


@task
def die():
    os.kill(os.getpid(), signal.SIGKILL)


@task(queue_name="mail")
def mail(to):
    seen.append(to)


@task
def thread():
    return threading.get_ident()


@resque_task(retries=2, backoff=0)
def fail_twice():
    seen.append("attempt")
    if seen.count("attempt") < 3:
        raise ValueError("again")
    return len(seen)


@resque_task(class_name="Reports::Monthly", queue_name="mail")
def monthly(month, pages=1):
    return [month, pages]


@resque_task(ruby_class="Reports::Yearly")
def yearly(year, *, format="pdf"):  # noqa: A002 - Ruby's word
    raise AssertionError("only Ruby performs this")


@resque_task(ruby_class="Reports::Tracked", tracked=True, queue_name="mail")
def tracked(year, pages=3):
    raise AssertionError("only Ruby performs this")


@resque_task
def kept_out():
    raise AssertionError("a hook keeps it out")


@resque.enqueue_middleware
def keep_out(call_next, job):
    if not job.class_name.endswith("kept_out"):
        call_next(job)


@resque.job("Plain", queue="default")
def plain(name):
    from shop.models import Order

    Order.objects.create(name=name)
    seen.append(name)


@resque.job("Awaiting", queue="default")
async def awaiting(name):
    from shop.models import Order

    await Order.objects.acreate(name=name)
    seen.append(name)
