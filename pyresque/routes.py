"""``resque.routes``: the verbs of the routing table, blocking and awaited."""

from __future__ import annotations

from pyresque.as_verb import PartOfFace, awaited, blocking
from pyresque.routing.board import RoutesBoard


class RoutesVerbs(PartOfFace):
    """``resque.routes``: which classes Ruby's workers perform on shared queues, and which Python's do.

    >>> resque.routes.set("Reports::*", "python=25%", by="ann")
    >>> resque.routes.rollback()
    """

    show = blocking(RoutesBoard.show, of="routes")
    set = blocking(RoutesBoard.set, of="routes")
    unset = blocking(RoutesBoard.unset, of="routes")
    rollback = blocking(RoutesBoard.rollback, of="routes")
    changes = blocking(RoutesBoard.changes, of="routes")


class AsyncRoutesVerbs(PartOfFace):
    """``resque.routes`` of an AsyncResque: the verbs of RoutesVerbs, awaited."""

    show = awaited(RoutesBoard.show, of="routes")
    set = awaited(RoutesBoard.set, of="routes")
    unset = awaited(RoutesBoard.unset, of="routes")
    rollback = awaited(RoutesBoard.rollback, of="routes")
    changes = awaited(RoutesBoard.changes, of="routes")
