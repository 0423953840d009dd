"""The text format of Prometheus: metrics, their labels, and how any name is written in a label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyresque.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The type of the format.
TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Metric:
    """One metric: its name without ``resque_``, what it tells, and its values by their labels. Each place has one value."""

    name: str
    help: str
    values: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)

    def add(self, value: float | None, **labels: str) -> Metric:
        """Set the value at these labels; None sets none. Of two names that are written alike the first one counts."""
        if value is not None:
            written = tuple((name, _label(text)) for name, text in labels.items())
            self.values.setdefault(written, value)
        return self

    def lines(self) -> Iterator[str]:
        """Return the metric's lines: none if it has no value."""
        if not self.values:
            return
        yield f"# HELP resque_{self.name} {self.help}"
        yield f"# TYPE resque_{self.name} gauge"
        for labels, value in self.values.items():
            inside = ",".join(f'{label}="{text}"' for label, text in labels)
            yield (
                f"resque_{self.name}{{{inside}}} {_number(value)}"
                if inside
                else (f"resque_{self.name} {_number(value)}")
            )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"


def _label(name: str) -> str:
    r"""Return a label's value as the format has it: line ends as ``\n``, other characters that no line may have spelled out."""
    clean = name.encode("utf-8", "backslashreplace").decode()
    lines = (printable(line) for line in clean.split("\n"))
    return "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
