"""The hooks around a job: Resque's prefixes on its class or function, found once, run in the order of their names."""

from __future__ import annotations

from pyresque.errors import LintError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

#: Resque's prefixes, and resque-scheduler's.
PREFIXES = (
    "before_perform",
    "around_perform",
    "after_perform",
    "on_failure",
    "before_enqueue",
    "after_enqueue",
    "before_dequeue",
    "after_dequeue",
    "before_schedule",
    "after_schedule",
    "before_delayed_enqueue",
)


class HookNames:
    """The names of a job's hooks by kind, sorted as Ruby sorts them; none of a kind that is not given."""

    before_perform: tuple[str, ...] = ()
    around_perform: tuple[str, ...] = ()
    after_perform: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()
    before_enqueue: tuple[str, ...] = ()
    after_enqueue: tuple[str, ...] = ()
    before_dequeue: tuple[str, ...] = ()
    after_dequeue: tuple[str, ...] = ()
    before_schedule: tuple[str, ...] = ()
    after_schedule: tuple[str, ...] = ()
    before_delayed_enqueue: tuple[str, ...] = ()

    def __init__(self, **names: tuple[str, ...]) -> None:
        self.__dict__.update({kind: found for kind, found in names.items() if found})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HookNames) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.__dict__.items())))

    def __repr__(self) -> str:
        return (
            f"HookNames({', '.join(f'{kind}={found!r}' for kind, found in self.__dict__.items())})"
        )


NO_HOOKS = HookNames()


def hook_names(target: Any) -> HookNames:
    """Every attribute whose name starts with one of the prefixes; an attribute ``hooks`` replaces the search."""
    listed = getattr(target, "hooks", None)
    if callable(listed):
        listed = listed()
    attributes: Iterable[str] = dir(target) if listed is None else [str(name) for name in listed]
    found = sorted(attributes)
    return HookNames(
        **{prefix: tuple(name for name in found if name.startswith(prefix)) for prefix in PREFIXES}
    )


def lint(target: Any) -> HookNames:
    """Refuse hooks that bear a bare prefix as their name, which every plugin would overwrite (``Plugin.lint``)."""
    names = hook_names(target)
    shown = getattr(target, "__name__", repr(target))
    for name in (*names.before_perform, *names.around_perform, *names.after_perform):
        if name.endswith("perform"):
            raise LintError(f"{shown}.{name} is not namespaced")
    for name in names.on_failure:
        if name.endswith("failure"):
            raise LintError(f"{shown}.{name} is not namespaced")
    return names


async def run(target: Any, names: Iterable[str], *args: Any) -> list[Any]:
    """Call each of these hooks of a target; what they returned."""
    from functools import partial  # noqa: PLC0415 - an application that registers jobs runs none of their hooks

    from pyresque.ops import Call  # noqa: PLC0415 - as above

    return [await Call(partial(hook(target, name), *args), offload=True) for name in names]


async def allowed(target: Any, names: Iterable[str], *args: Any) -> bool:
    """Run hooks that may veto: all of them, even after one said no; only False itself says no, as in Ruby."""
    return not any(answer is False for answer in await run(target, names, *args))


def hook(target: Any, name: str) -> Callable[..., Any]:
    """One hook of a target."""
    found: Callable[..., Any] = getattr(target, name)
    return found
