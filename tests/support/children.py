"""Children of a fork server, as a worker sees them."""

from __future__ import annotations


def next_child(server):
    """Ask the fork server for a child, and wait for it."""
    server.request_child()
    return server.receive_child()


def outcome_of(child, wakeup):
    """Wait until the child has said how its job ended."""
    while (outcome := child.wait(1, wakeup)) is None:
        pass
    return outcome
