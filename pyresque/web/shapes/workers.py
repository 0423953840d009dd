"""Workers and queues."""

from __future__ import annotations

from typing import Literal, TypedDict

from pyresque.web.shapes.jobs import QueuedJob, WorkersJob


class Software(TypedDict):
    """What a worker of this package tells of itself. ``together``: how many workers its process has."""

    name: str
    language: str
    version: str | int | None
    python: str | int | None
    executor: str | int | None
    together: str | int | None


class WorkerShown(TypedDict):
    """A worker. ``health`` by the age of its heartbeat: fresh, slow or late; silent without one.

    ``software`` is null of one that tells nothing, as Ruby's workers.
    """

    id: str
    host: str
    pid: int
    queues: list[str]
    state: Literal["working", "idle"]
    started: str | None
    uptime: float | None
    software: Software | None
    heartbeat: str | None
    heartbeat_age: float | None
    health: Literal["fresh", "slow", "late", "silent"]
    processed: int
    failed: int
    job: WorkersJob | None


class WorkersPage(TypedDict):
    """Workers, some of ``total``."""

    workers: list[WorkerShown]
    total: int
    working: int
    start: int
    per: int
    q: str | None
    paused: bool


class WorkingPage(TypedDict):
    """Workers that perform a job, some of ``total``; ``all``: how many are registered."""

    workers: list[WorkerShown]
    total: int
    all: int
    start: int
    per: int


class WorkerPage(TypedDict):
    """One worker; ``paused``: whether all workers are; ``quitting``: whether it was asked to quit."""

    worker: WorkerShown
    paused: bool
    quitting: bool


class QueueRow(TypedDict):
    """A queue. ``size`` is null where its key is no list; ``oldest``: how many seconds its next job has waited, where its payload tells."""

    name: str
    size: int | None
    oldest: float | None
    paused: bool
    workers: int


class QueuesPage(TypedDict):
    """Queues, some of ``total``."""

    queues: list[QueueRow]
    total: int
    start: int
    per: int
    q: str | None
    failed: int
    all_paused: bool


class QueuePage(TypedDict):
    """Jobs of a queue. A search has looked at ``looked`` of them and goes on at the index ``next``."""

    name: str
    size: int | None
    paused: bool
    all_paused: bool
    workers: int
    start: int
    per: int
    q: str | None
    jobs: list[QueuedJob]
    looked: int | None
    next: int | None
