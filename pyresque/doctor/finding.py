"""What a check finds: a finding of a kind, which has a severity and a reason; and the report of all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pyresque.printable import many

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Severity: TypeAlias = Literal["error", "warning", "note"]

#: The severities, the worst first. Error: jobs are lost, fail or stand still. Warning: they may. Note: good to know.
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")

#: Names that a finding's evidence and its commands hold, and those of its text.
MOST: Final = 20
MOST_IN_TEXT: Final = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding: its name in JSON and in docs/doctor.md, how bad it is, and why it matters.

    ``quotes``: its commands and its evidence may hold arguments of jobs.
    """

    name: str
    severity: Severity
    why: str
    quotes: bool = False

    def found(
        self,
        text: str,
        *mend: str,
        severity: Severity | None = None,
        page: Sequence[str] = (),
        **evidence: Any,
    ) -> Finding:
        """Return a finding of this kind. ``mend``: the commands that mend it. ``page``: the dashboard's page that shows more."""
        return Finding(self, severity or self.severity, text, tuple(mend), evidence, tuple(page))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong or at risk. ``evidence``: names, counts and keys; of many names only the first, and their number."""

    kind: Kind
    severity: Severity
    text: str
    mend: tuple[str, ...]
    evidence: dict[str, Any]
    page: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "finding": self.kind.name,
            "severity": self.severity,
            "text": self.text,
            "why": self.kind.why,
            "mend": list(self.mend),
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Unseen:
    """A check that could not look, or only in part, and why."""

    check: str
    because: str

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON."""
        return {"check": self.check, "because": self.because}


@dataclass(slots=True)
class Report:
    """What was found, what could not be looked at, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    #: Jobs that were read, of how many; keys of the server that were looked at, and whether these are all.
    jobs_read: int = 0
    jobs: int = 0
    keys_read: int = 0
    whole: bool = True

    @property
    def worst(self) -> Severity | None:
        """The worst severity; None if nothing was found."""
        found = {one.severity for one in self.findings}
        return next((one for one in SEVERITIES if one in found), None)

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings; the worst stand first."""
        self.findings += findings
        self.findings.sort(key=lambda one: SEVERITIES.index(one.severity))

    def count(self, severity: Severity) -> int:
        """How many findings are of a severity."""
        return sum(one.severity == severity for one in self.findings)

    @property
    def summary(self) -> str:
        """``2 errors, 1 warning``; ``nothing is wrong``, if everything could be looked at."""
        counts = [(self.count(one), one) for one in SEVERITIES]
        nothing = "nothing wrong was seen" if self.unseen else "nothing is wrong"
        return ", ".join(many(n, one) for n, one in counts if n) or nothing

    @property
    def blind(self) -> bool:
        """Whether neither queues nor workers could be looked at: then it means nothing that nothing was found."""
        return {"queues", "workers"} <= {one.check for one in self.unseen}

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "worst": self.worst,
            **{f"{one}s": self.count(one) for one in SEVERITIES},
            "findings": [one.to_dict() for one in self.findings],
            "not_looked_at": [one.to_dict() for one in self.unseen],
            "looked_at": {
                "jobs": self.jobs_read,
                "of_jobs": self.jobs,
                "keys": self.keys_read,
                "whole": self.whole,
            },
        }


def listed(names: Sequence[str], most: int = MOST_IN_TEXT) -> str:
    """Join names for a text; of many only the first."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
