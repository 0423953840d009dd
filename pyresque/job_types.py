"""Bases of job classes, for type checkers; ``job_types.pyi`` has what they declare. Light: an application's jobs inherit from them.

When a class is registered it gets all of it, whether it has such a base or not (``job/calls.py``).
"""

from __future__ import annotations


class TypedJob:
    """Base of a class that a Resque registers, for type checkers: ``enqueue`` takes the parameters of ``perform``."""

    __slots__ = ()


class AsyncTypedJob:
    """Base of a class that an AsyncResque registers, for type checkers: as ``TypedJob``, and its calls are awaited."""

    __slots__ = ()


class TypedTrackedJob:
    """Base of a class that a Resque registers with ``tracked=True``: ``enqueue`` gives a handle of what ``perform`` returns."""

    __slots__ = ()


class AsyncTypedTrackedJob:
    """Base of a class that an AsyncResque registers with ``tracked=True``: as ``TypedTrackedJob``, and its calls are awaited."""

    __slots__ = ()


class TypedBoundJob:
    """Base of an active job's class that a Resque registers with ``bind=True`` or ``resume``: ``enqueue`` leaves out the first parameter of ``perform``."""

    __slots__ = ()


class AsyncTypedBoundJob:
    """The same for a class that an AsyncResque registers: its calls are awaited."""

    __slots__ = ()


class TypedBoundTrackedJob:
    """The same for a class that a Resque registers with ``tracked=True``: ``enqueue`` gives a handle."""

    __slots__ = ()


class AsyncTypedBoundTrackedJob:
    """The same for a class that an AsyncResque registers with ``tracked=True``: its calls are awaited."""

    __slots__ = ()
