"""Changes of the routing table, as the log keeps them: who changed it when, to what, and from what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pyresque.errors import RoutingError
from pyresque.routing.rules import Routes, Rule


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the table after it and before it. ``undoes``: the version that a rollback took back; None for any other change."""

    at: str
    by: str
    what: str
    routes: Routes
    before: Routes
    undoes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the change as the log keeps it and ``--json`` prints it."""
        return {
            "at": self.at,
            "by": self.by,
            "what": self.what,
            "version": self.routes.version,
            "rules": [rule.to_dict() for rule in self.routes.rules],
            "before": [rule.to_dict() for rule in self.before.rules],
            **({} if self.undoes is None else {"undoes": self.undoes}),
        }

    def encode(self) -> bytes:
        """Return the change as an entry of the log."""
        return json.dumps(self.to_dict(), separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )

    @classmethod
    def decode(cls, raw: bytes) -> Change | None:
        """Read an entry of the log; None if it is no such entry."""
        try:
            found = json.loads(raw)
            version = int(found["version"])
            routes = Routes(tuple(map(Rule.of, found["rules"])), version)
            before = Routes(tuple(map(Rule.of, found["before"])), version - 1)
            undoes = found.get("undoes")
            told = (str(found["at"]), str(found["by"]), str(found["what"]))
            return cls(*told, routes, before, undoes if isinstance(undoes, int) else None)
        except (RoutingError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


def last_not_undone(changes: list[Change]) -> Change | None:
    """Return the latest change that no rollback took back; ``changes`` begins with the latest."""
    undone = {change.undoes for change in changes if change.undoes is not None}
    return next(
        (one for one in changes if one.undoes is None and one.routes.version not in undone), None
    )
