"""Which jobs of a class belong to a share of it: the same ones in every process and after every restart.

A job's place is a number from 0 to 100, made of what the job is about: of a Resque job its class and arguments, of an ActiveJob its
``job_id``, so that its retries stay on one side. Other keys of the payload do not count: trace headers differ from job to job.

The place is the beginning of a SHA1, which the guard for Ruby's side computes alike::

    Digest::SHA1.hexdigest(text)[0, 8].to_i(16) * 100.0 / 2**32

``text`` is the ``job_id``, or ``Resque.encode([class, args])``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.activejob.registry import job_hash
from pyresque.errors import PyresqueError
from pyresque.lightweight import sha1_hex
from pyresque.routing.rules import ALL
from pyresque.ruby.names import constant_path

if TYPE_CHECKING:
    from pyresque.job.job import Codec, Payload
    from pyresque.routing.rules import Routes

#: How many places the first 8 digits of a SHA1 can tell apart.
PLACES = 1 << 32


def routed_class(payload: Payload) -> str:
    """Return the class's name that rules are matched with: an ActiveJob's own, not the wrapper's; empty if there is none.

    It is the name of the constant that Ruby finds, so that ``::Report`` goes where ``Report`` does.
    """
    found = job_hash(payload)
    name = None if found is None else found.get("job_class")
    text = name if isinstance(name, str) else payload.name
    return constant_path(text) or text


def place(codec: Codec, payload: Payload) -> float:
    """Return the place of a job in its class, from 0 up to but not including 100."""
    found = job_hash(payload)
    job_id = None if found is None else found.get("job_id")
    if isinstance(job_id, str) and job_id:
        text = job_id.encode("utf-8", "surrogatepass")
    else:
        try:
            text = codec.encode([payload.class_name, payload.args])
        except PyresqueError:
            text = repr((payload.class_name, payload.args)).encode("utf-8", "surrogatepass")
    return int(sha1_hex(text)[:8], 16) * ALL / PLACES


def goes_to_python(routes: Routes, codec: Codec, payload: Payload) -> bool | None:
    """Whether a job goes to Python by these routes; None if no rule matches its class."""
    rule = routes.rule_of(routed_class(payload))
    if rule is None:
        return None
    percent = rule.python_percent
    return percent == ALL or (percent > 0 and place(codec, payload) < percent)
