"""What can be done to recurring jobs: run one now, with its parameters or other arguments; save and remove one; release the lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyresque.errors import DecodeError, NoQueueError, ScheduleError
from pyresque.web.dashboard import link
from pyresque.web.shown import as_json
from pyresque.web.view import Done, NotThere, Question, Refused

if TYPE_CHECKING:
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.later import ParameterShown
    from pyresque.web.view import Ask

#: What stands before the name of a parameter in a form: it may be named as any other field.
PARAMETER = "param:"

#: Parameters of which a form has a field.
MOST_PARAMETERS = 100


def parameters_of(ask: Ask, config: Mapping[str, Any]) -> list[ParameterShown]:
    """Return the parameters of an entry (resque-scheduler's key ``parameters``): name, description and default as texts.

    ``default`` is None where there is none, or where the reader may not see it.
    """
    given = config.get("parameters")
    if not isinstance(given, Mapping):
        return []
    found: list[ParameterShown] = []
    for name, about in list(given.items())[:MOST_PARAMETERS]:
        told = about if isinstance(about, Mapping) else {}
        default = _written(told.get("default"))
        if ask.screen.hidden or ask.screen.content({name: default}) != {name: default}:
            default = None
        found.append(
            {"name": str(name), "about": _written(told.get("description")), "default": default}
        )
    return found


def _written(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else as_json(value)


async def run_with_parameters(dash: Dashboard, ask: Ask) -> Done:
    """Enqueue a recurring job once, now, with the values of a form merged into its argument, as texts (as Ruby does).

    A field that is empty has its default.
    """
    name = _named(ask)
    config = await _config(dash, ask, name)
    declared = config.get("parameters")
    if not isinstance(declared, Mapping):
        raise Refused(f"{name} has no parameters: run it with arguments, args.")
    own = config.get("args")
    if isinstance(own, list) and len(own) == 1 and isinstance(own[0], Mapping):
        own = own[0]
    if own is not None and own != [] and not isinstance(own, Mapping):
        raise Refused(f"Parameters are merged into a hash, and the arguments of {name} are none.")
    values = {}
    for key, about in declared.items():
        default = about.get("default") if isinstance(about, Mapping) else None
        text = ask.form.get(f"{PARAMETER}{key}", "")
        values[key] = text or (_written(default) or "")
    return await _enqueue(dash, name, {**config, "args": {**(own or {}), **values}})


async def run(dash: Dashboard, ask: Ask) -> Done:
    """Enqueue a recurring job once, now; ``args`` as JSON go before its own."""
    name = _named(ask)
    config = await _config(dash, ask, name)
    args = ask.get("args")
    if args is not None:
        config = {**config, "args": _read(dash, args)}
    return await _enqueue(dash, name, config)


async def _enqueue(dash: Dashboard, name: str, config: Mapping[str, Any]) -> Done:
    try:
        answer = await dash.run(dash.core.recurring.enqueue_from_config(config))
    except NoQueueError as error:
        raise Refused(str(error)) from error
    if answer is None:
        return Done(f"{name} was not enqueued: a before_schedule hook said no", "/schedule", 0)
    return Done(f"Enqueued {name}", "/schedule", 1)


async def save(dash: Dashboard, ask: Ask) -> Done:
    """Create or replace an entry in Redis; schedulers that are dynamic follow. A wrong configuration is refused."""
    from pyresque.schedule.entries import Entry  # noqa: PLC0415 - heavy, and needed here alone

    name, config = _named(ask), _read(dash, ask.get("config") or "")
    try:
        Entry.read(name, config, dash.core.clock)
    except ScheduleError as error:
        raise Refused(str(error)) from error
    await dash.run(dash.core.recurring.set_schedule(name, config, persist=True))
    return Done(f"Saved {name}", link("schedule", name), 1)


async def asks_remove(dash: Dashboard, ask: Ask) -> Question:
    """Ask before an entry is removed."""
    name = _named(ask)
    await _config(dash, ask, name)
    text = f"Remove 1 recurring job, {name}? Jobs that it has enqueued stay."
    return Question(text, "Remove 1 recurring job", "/schedule", 1)


async def remove(dash: Dashboard, ask: Ask) -> Done:
    """Remove an entry from Redis."""
    name = _named(ask)
    if not await dash.run(dash.core.recurring.remove_schedule(name)):
        raise NotThere(f"There is no recurring job {name!r}.")
    return Done(f"Removed {name}", "/schedule", 1)


async def asks_release(dash: Dashboard, _ask: Ask) -> Question:
    """Ask before the master lock is taken from its holder."""
    lock = await dash.run(dash.core.lock.info())
    if lock is None:
        raise NotThere("No scheduler holds the master lock.")
    text = f"Take the master lock from 1 scheduler, {lock.holder}? If it lives, two may lead for a moment."
    return Question(text, "Release the lock", "/schedule", 1, {"holder": lock.holder})


async def release(dash: Dashboard, ask: Ask) -> Done:
    """Take the master lock from the holder that the form names; without one from whoever holds it."""
    holder = ask.get("holder")
    taken = await dash.run(dash.core.lock.force_release(holder))
    nobody = "No scheduler" if holder is None else holder
    text = "Released the master lock" if taken else f"{nobody} held the lock no longer"
    return Done(text, "/schedule", int(taken))


def _named(ask: Ask) -> str:
    """Return the entry's name, in the field that Ruby's forms have. Raises Refused."""
    name = ask.get("job_name")
    if name is None:
        raise Refused("Name the recurring job: job_name.")
    return name


async def _config(dash: Dashboard, ask: Ask, name: str) -> dict[str, Any]:
    """Return an entry's configuration. Raises NotThere, Refused."""
    try:
        config = await dash.run(dash.core.recurring.fetch_schedule(name))
    except DecodeError as error:
        reason = ask.screen.fault(str(error))
        raise Refused(f"The configuration of {name!r} cannot be read: {reason}") from error
    if config is None:
        raise NotThere(f"There is no recurring job {name!r}.")
    if not isinstance(config, dict):
        raise Refused(f"The configuration of {name!r} is no hash of keys such as cron and class.")
    return {"class": name, **config}


def _read(dash: Dashboard, text: str) -> Any:
    try:
        return dash.core.codec.decode(text.encode("utf-8", "surrogateescape"))
    except DecodeError as error:
        raise Refused(f"This is no JSON: {error}") from error
