"""One copy performed in Python beside what Ruby did with it: the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.migrate.shadow_child import FAILED, PERFORMED
from pyresque.user_errors import cut

if TYPE_CHECKING:
    from pyresque.migrate.copies import Copy
    from pyresque.migrate.shadow_child import Outcome
    from pyresque.migrate.shadow_ruby import Ruby

#: Characters of a payload that are shown.
LONGEST: Final = 10_000

SAME: Final = "same"
SAME_ERROR: Final = "the same error"
OTHER_ERROR: Final = "another error"
RUBY_FAILED: Final = "Ruby alone failed"
PYTHON_FAILED: Final = "Python alone failed"
UNKNOWN_FAILED: Final = "Python failed, Ruby unknown"
PYTHON_PERFORMED: Final = "Python performed, Ruby unknown"


@dataclass(frozen=True, slots=True)
class Shadow:
    """A copy, what came of it in Python, and what Ruby did."""

    copy: Copy
    python: Outcome
    ruby: Ruby

    @property
    def verdict(self) -> str:
        """How the two compare."""
        performed, ruby = self.python.performed, self.ruby.outcome
        if performed:
            told = {PERFORMED: SAME, FAILED: RUBY_FAILED}
            return told.get(ruby, PYTHON_PERFORMED)
        if ruby == FAILED and self.python.outcome == FAILED:
            alike = self.python.exception == self.ruby.exception
            return SAME_ERROR if alike and self.python.error == self.ruby.error else OTHER_ERROR
        if ruby == FAILED:
            return OTHER_ERROR
        return PYTHON_FAILED if ruby == PERFORMED else UNKNOWN_FAILED

    @property
    def worse(self) -> bool:
        """Whether Python fails where Ruby is not known to fail."""
        return self.verdict in {PYTHON_FAILED, UNKNOWN_FAILED}

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        job = self.copy.job
        return {
            "verdict": self.verdict,
            "place": self.copy.place,
            "queue": job.queue,
            "payload": cut(job.raw.decode("utf-8", "replace"), LONGEST),
            "python": asdict(self.python),
            "ruby": asdict(self.ruby),
        }
