"""Errors of the backend that are not Django's own."""

from __future__ import annotations

from pyresque.contrib.django.library import InvalidTask


class TaskKeptOut(InvalidTask):
    """A hook, a middleware or a plugin of the task has kept it out of its queue: there is no result of it."""
