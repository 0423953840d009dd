"""The doctor's page: what is wrong or at risk, and the commands that mend it. The look is carried out when the reader asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.doctor.checkup import Checkup
from pyresque.process.host.this_host import ThisHost
from pyresque.web.screen import HIDDEN
from pyresque.web.view import Looking, View

if TYPE_CHECKING:
    from pyresque.doctor.finding import Finding
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.screen import Screen
    from pyresque.web.shapes.overview import Diagnosed, DoctorPage
    from pyresque.web.view import Ask

#: What the page says while nobody has asked for a look.
NOT_YET: DoctorPage = {
    "looked": False,
    "summary": "",
    "worst": None,
    "findings": [],
    "not_looked_at": [],
    "jobs_read": 0,
    "jobs": 0,
    "keys_read": 0,
    "whole": False,
}


async def show(dash: Dashboard, ask: Ask) -> View[DoctorPage] | Looking[DoctorPage]:
    """Show what the doctor finds; without a wish for a look, how to ask for one."""
    whole = ask.get("whole") == "yes"
    if not whole and ask.get("look") != "yes":
        await dash.run(
            dash.core.lock.owned()
        )  # a Redis that is away is told at once, as on every page
        return View("doctor.html", "Doctor", NOT_YET, "/doctor")
    return Looking(LookingAtAll(dash, ask.screen, whole=whole))


class LookingAtAll:
    """Takes the doctor's steps, one after the other. ``screen``: what this reader may see."""

    def __init__(self, dash: Dashboard, screen: Screen, *, whole: bool) -> None:
        self.dash = dash
        self.screen = screen
        self.seen = 0
        self._checkup = Checkup(dash.core, host=ThisHost(), whole=whole)

    async def step(self) -> bool:
        """Take the next step."""
        going = await self.dash.run(self._checkup.more())
        self.seen = self._checkup.look.found.read
        return going

    def view(self) -> View[DoctorPage]:
        """Return the page of what was found."""
        report = self._checkup.report
        data: DoctorPage = {
            "looked": True,
            "summary": report.summary,
            "worst": report.worst,
            "findings": [self._shown(one) for one in report.findings],
            "not_looked_at": [
                {"check": one.check, "because": one.because} for one in report.unseen
            ],
            "jobs_read": report.jobs_read,
            "jobs": report.jobs,
            "keys_read": report.keys_read,
            "whole": report.whole,
        }
        return View("doctor.html", f"Doctor: {report.summary}", data, "/doctor")

    def _shown(self, one: Finding) -> Diagnosed:
        """Return a finding as this reader may see it: commands and evidence may quote arguments."""
        hidden = self.screen.hidden and one.kind.quotes
        mend: Any = [HIDDEN] if hidden else self.screen.content(list(one.mend))
        return {
            "finding": one.kind.name,
            "severity": one.severity,
            "text": HIDDEN if hidden else self.screen.text(one.text),
            "why": one.kind.why,
            "mend": mend,
            "evidence": {"count": one.evidence.get("count")}
            if hidden
            else self.screen.content(one.evidence),
            "page": list(one.page),
        }
