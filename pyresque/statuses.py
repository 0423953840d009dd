"""``resque.statuses``: the verbs of tracked jobs' statuses, blocking and awaited."""

from __future__ import annotations

from pyresque.as_verb import PartOfFace, awaited, blocking
from pyresque.job.status_board import StatusBoard


class Statuses(PartOfFace):
    """``resque.statuses``: the statuses of tracked jobs (Ruby: ``Resque::Plugins::Status::Hash``)."""

    get = blocking(StatusBoard.get, of="statuses")
    all = blocking(StatusBoard.all, of="statuses")
    count = blocking(StatusBoard.count, of="statuses")
    cancel = blocking(StatusBoard.cancel, of="statuses")
    remove = blocking(StatusBoard.remove, of="statuses")
    clear = blocking(StatusBoard.clear, of="statuses")
    wait = blocking(StatusBoard.wait, of="statuses")
    result = blocking(StatusBoard.result, of="statuses")


class AsyncStatuses(PartOfFace):
    """``resque.statuses`` of an AsyncResque: the verbs of Statuses, awaited."""

    get = awaited(StatusBoard.get, of="statuses")
    all = awaited(StatusBoard.all, of="statuses")
    count = awaited(StatusBoard.count, of="statuses")
    cancel = awaited(StatusBoard.cancel, of="statuses")
    remove = awaited(StatusBoard.remove, of="statuses")
    clear = awaited(StatusBoard.clear, of="statuses")
    wait = awaited(StatusBoard.wait, of="statuses")
    result = awaited(StatusBoard.result, of="statuses")
