"""What handlers of pages get and give: Ask, and View, Looking, Question, Done or Bulk. They know no template and no ASGI."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pyresque.store.queues import natural_number
from pyresque.web.screen import OPEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import TypeAlias

    from pyresque.web.dashboard import Dashboard
    from pyresque.web.screen import Screen

    Asks: TypeAlias = Callable[["Dashboard", "Ask"], Awaitable["Question"]]
    Does: TypeAlias = Callable[["Dashboard", "Ask"], Awaitable["Done | Bulk"]]

#: The shape of a page's data: a TypedDict of ``shapes``.
Shape_co = TypeVar("Shape_co", bound="Mapping[str, Any]", covariant=True)

#: Rows of a page: as many as resque-web shows, and the most that a URL may ask for.
ROWS = 20
MOST_ROWS = 100

#: The largest number that a URL may give: Redis takes it as an index.
LARGEST = 1 << 53


class NotThere(Exception):
    """What a URL names is not in Redis."""


class Refused(Exception):
    """A request asks for what cannot be."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: the names in its path, its query and its form, all as text (bytes that are no UTF-8 as surrogates)."""

    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    #: Whether a program asks, that gets JSON.
    for_program: bool = False
    #: What the reader may see of the jobs' arguments.
    screen: Screen = OPEN
    #: Who asks, as far as that is known.
    user: str = ""

    def get(self, name: str) -> str | None:
        """Return a value of the query or the form; None for one that is not there or blank."""
        value = self.form.get(name) or self.query.get(name) or ""
        return value if value.strip() else None

    def number(self, name: str, default: int, most: int = LARGEST) -> int:
        """Return a whole number from 0 to ``most``; the default for what is no number."""
        found = natural_number(self.get(name) or "")
        return default if found is None else min(found, most)

    @property
    def rows(self) -> int:
        """How many rows the page is to have."""
        return max(1, self.number("per", ROWS, MOST_ROWS))

    @property
    def confirmed(self) -> bool:
        """Whether the reader has said yes to the action's question."""
        return self.form.get("confirm") == "yes"

    @property
    def asked(self) -> int | None:
        """When the question was asked that the form answers, in seconds since 1970; None if the form does not tell."""
        return natural_number(self.form.get("asked", ""))


@dataclass(frozen=True, slots=True)
class View(Generic[Shape_co]):
    """A page: its template, its title, and its data, which the template shows and which is the JSON of the page."""

    template: str
    title: str
    data: Shape_co
    #: The tab that the page belongs to, by its path.
    tab: str = ""


class Looks(Protocol[Shape_co]):
    """A look through a whole list, slice by slice."""

    #: How much was looked at.
    seen: int

    async def step(self) -> bool:
        """Look through the next slice; return False at the end."""

    def view(self) -> View[Shape_co]:
        """Return the page of what was found so far."""


@dataclass(frozen=True, slots=True)
class Looking(Generic[Shape_co]):
    """A page that tells of a whole list: the look that is to be carried to its end. ``total``: how much there is, if it is known."""

    look: Looks[Shape_co]
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """A field that the reader fills in beside the question: its name in the form, and what it is called on the page."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader is asked before an action: it names how many things the action changes.

    ``fields`` go back with the answer, over those that the form had.
    """

    text: str
    button: str
    back: str
    count: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[Input] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """An action was carried out: what was done, and the path of the page to show next. ``count``: how many things it changed."""

    text: str
    to: str
    count: int | None = None
    #: Names what can be undone; see ``tabs/failed_undo.py``.
    undo: str = ""


class Steps:
    """An action on many things, slice by slice. A caller that stops between two slices leaves the other things as they are.

    A subclass defines ``step``, and counts what it has changed and what it has looked at.
    """

    def __init__(self, dash: Dashboard) -> None:
        self.dash = dash
        self.count = self.seen = 0

    async def step(self) -> bool:
        """Go through the next slice; return False at the end."""
        raise NotImplementedError

    def left(self) -> str:
        """Return why some things were not changed, or nothing."""
        return ""

    def undo(self) -> str:
        """Return what names the action to undo it, or nothing: it cannot be undone."""
        return ""


@dataclass(frozen=True, slots=True)
class Bulk:
    """An action on many things that has to be carried out: its steps, how many things there are, and the page to show next.

    ``verb`` and ``noun`` say what is done to what, such as "removed" and "failed job".
    """

    steps: Steps
    total: int
    verb: str
    noun: str
    to: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Shape_co]):
    """A page: its path, the handler that gives its View, the shape of its data (or its shapes), and the names that it reads of the query.

    ``tab``: the name of its tab, if it is the tab's first page. ``/openapi.json`` describes it by all this and the handler's docstring.
    """

    path: str
    show: Callable[[Dashboard, Ask], Awaitable[View[Shape_co] | Looking[Shape_co]]]
    shape: type[Shape_co] | tuple[type[Shape_co], ...]
    query: tuple[str, ...] = ()
    tab: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a POST does: its path, its handler, the question that comes before it, if it destroys, and its form's fields."""

    path: str
    does: Does
    asks: Asks | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program gets that is no page: its path, its media type, and what it is."""

    path: str
    media_type: str
    text: str
