"""Figures, the search, and the answers to actions."""

from __future__ import annotations

from typing import Any, TypedDict

from pyresque.web.shapes.jobs import DelayedJob, JobShown, QueuedJob

# -- figures and the search


class StatsPage(TypedDict):
    """Figures by their names."""

    info: dict[str, Any]
    page: str


class KeyRow(TypedDict):
    """A key of Redis. ``whole``: whether its name is shown whole, else it has no page."""

    name: str
    type: str
    size: int | None
    whole: bool


class KeysPage(TypedDict):
    """Some keys of the namespace. ``next``: the ``cursor`` to go on from."""

    keys: list[KeyRow]
    next: int | None
    q: str | None
    page: str


class KeyPage(TypedDict):
    """A key, and the beginning of what it holds: the texts of each row."""

    key: KeyRow
    elements: list[list[str]] | str
    start: int
    per: int
    page: str


class SearchPlace(TypedDict):
    """What was found in one place; ``page``: the parts of its page's path."""

    page: list[str]
    jobs: list[JobShown] | list[QueuedJob] | list[DelayedJob]
    looked: int
    total: int


class SearchPage(TypedDict):
    """What was found, by place. ``names``: of queues, workers and recurring jobs. ``left``: queues that were not searched."""

    q: str | None
    names: dict[str, list[str]]
    places: list[SearchPlace]
    left: list[str]


# -- answers to actions, and refusals


class DoneAnswer(TypedDict):
    """What an action did, and to how many things. ``undo``: the ``token`` for ``/failed/undo``, where it can be undone."""

    done: str
    count: int | None
    undo: str | None


class QuestionAnswer(TypedDict):
    """The question before an action, how many things it changes, and the fields that say yes: send them with those sent before."""

    question: str
    count: int | None
    send: dict[str, str]


class ErrorAnswer(TypedDict):
    """Why there is no other answer."""

    error: str
