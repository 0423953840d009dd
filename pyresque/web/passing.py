"""Passes over many jobs, as the steps of a bulk action: those of delayed jobs, and of jobs that wait for another attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyresque.web.view import Steps

if TYPE_CHECKING:
    from pyresque.ops import Op
    from pyresque.web.dashboard import Dashboard

    class Pass(Protocol):
        """Goes through jobs: each step answers ``done`` and ``seen``, and None comes after the last."""

        def more(self) -> Op[Any]:
            """Handle the next jobs."""


class Passing(Steps):
    """The steps of a pass; they cannot be undone."""

    def __init__(self, dash: Dashboard, steps: Pass) -> None:
        super().__init__(dash)
        self._steps = steps

    async def step(self) -> bool:
        """Handle the next jobs."""
        page = await self.dash.run(self._steps.more())
        if page is None:
            return False
        self.count += page.done
        self.seen = page.seen
        return True
