"""Whether a Python handler can take the arguments that jobs were seen with: by its signature, and by its annotations."""

from __future__ import annotations

import inspect
import types
import typing
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob.signature import complaint, fitted, signature_of
from pyresque.activejob.values import Duration, Module, Range, Symbol
from pyresque.plugins.undeclared import registered_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyresque.activejob.registry import ActiveJobClass
    from pyresque.job.job_class import JobClass
    from pyresque.migrate.shapes import Arguments, Form, Shape

#: What a handler gets for each kind of value. A GlobalID, or a value of a serializer of the application's own, may become anything.
TYPES: Final[dict[str, type]] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "null": type(None),
    "list": list,
    "hash": dict,
    "Symbol": Symbol,
    "Duration": Duration,
    "DateTime": datetime,
    "Time": datetime,
    "TimeWithZone": datetime,
    "Date": date,
    "BigDecimal": Decimal,
    "Range": Range,
    "Module": Module,
}

_UNIONS: Final = (typing.Union, types.UnionType)


def _says_nothing(form: Form) -> bool:
    """Whether a tracked job's call does not follow from its form: ``args`` hold it, or it is recurring and has no id yet."""
    return form.keywords == ("args",) or form.positional <= 1


class Handler:
    """How one class is performed here: the function, its signature, and how a form of a call becomes a call of it."""

    def __init__(
        self,
        function: Callable[..., Any],
        signature: inspect.Signature | None,
        call: Callable[[Form], tuple[int, tuple[str, ...]]],
        *,
        rails: bool = False,
    ) -> None:
        self.function = function
        self.signature = signature
        self.rails = rails
        #: Whether its payloads hold a status' id and options.
        self.tracked = False
        self._call = call
        self._hints: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, entry: JobClass) -> Handler:
        """Return the handler of a registered job."""

        def call(form: Form) -> tuple[int, tuple[str, ...]]:
            if entry.by_name:
                return 0, form.keywords or ()
            if entry.kwargs and form.keywords is not None:
                return form.positional - 1, form.keywords
            return form.positional, ()

        made = cls(entry.perform, signature_of(entry.perform), call)
        made.tracked = registered_with(entry, "resque-status")
        return made

    @classmethod
    def of_active_job(cls, active: ActiveJobClass) -> Handler:
        """Return the handler of a registered ActiveJob."""
        return cls(
            active.entry.perform,
            active.signature,
            lambda form: (form.positional, form.keywords or ()),
            rails=True,
        )

    def refuses(self, form: Form) -> str | None:
        """Return why a call of this form fails; None if the handler takes it."""
        if self.signature is None or (self.tracked and _says_nothing(form)):
            return None
        count, names = self._call(form)
        args: tuple[Any, ...] = (None,) * count
        kwargs: Mapping[str, Any] = dict.fromkeys(names)
        if self.rails:
            args, kwargs = fitted(self.signature, args, kwargs)
        return complaint(self.signature, args, kwargs)

    def misfits(self, arguments: Arguments) -> list[tuple[Form, int, str]]:
        """Return the forms that the handler refuses, each with the number of jobs seen and the reason."""
        return [
            (form, count, reason)
            for form, count in arguments.forms.items()
            if (reason := self.refuses(form)) is not None
        ]

    def wrong_types(self, arguments: Arguments) -> Iterator[str]:
        """Yield what the annotations say against the types that were seen."""
        if self.signature is None:
            return
        calls = {self._call(form)[0] for form in arguments.forms}
        positional = list(_positional(self.signature, len(arguments.positions)))
        for at, (shape, parameter) in enumerate(zip(arguments.positions, positional, strict=False)):
            if at < max(calls, default=0):
                yield from self._wrong(f"argument {at + 1}", parameter, shape)
        keywords = arguments.keywords
        for name, shape in ({} if keywords is None else keywords.keys).items():
            named = self.signature.parameters.get(name)
            if named is not None:
                yield from self._wrong(f"keyword {name}", named, shape)

    def _wrong(self, where: str, parameter: inspect.Parameter, shape: Shape) -> Iterator[str]:
        annotation = self.hints.get(parameter.name, parameter.empty)
        if annotation is parameter.empty:
            return
        for kind, count in shape.kinds.items():
            if kind == "null" and parameter.default is None:
                continue
            if not may_be(kind, annotation):
                shown = inspect.formatannotation(annotation)
                yield f"{where} is {parameter.name}: {shown}, but was a {kind} in {count} of {shape.seen} jobs"

    @property
    def hints(self) -> Mapping[str, Any]:
        """The annotations of the function; none if they cannot be evaluated."""
        if self._hints is None:
            try:
                self._hints = typing.get_type_hints(self.function)
            except Exception:  # noqa: BLE001 - annotations are the user's, and may name what is imported for type checkers alone
                self._hints = {}
        return self._hints


def _positional(signature: inspect.Signature, count: int) -> Iterator[inspect.Parameter]:
    """Yield the parameters that the first arguments go to."""
    left = count
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            yield parameter
            left -= 1
        elif parameter.kind is parameter.VAR_POSITIONAL:
            for _ in range(left):
                yield parameter
            return


def may_be(kind: str, annotation: Any) -> bool:  # noqa: PLR0911 - one answer for each kind of annotation
    """Whether a value of a kind may be what an annotation says; True whenever that is not known."""
    found = TYPES.get(kind)
    if found is None or annotation is Any:
        return True
    while hasattr(annotation, "__supertype__"):  # a NewType
        annotation = annotation.__supertype__
    if annotation is None:
        return found is type(None)
    origin = typing.get_origin(annotation)
    if origin in _UNIONS:
        return any(may_be(kind, one) for one in typing.get_args(annotation))
    if origin is typing.Literal:
        return any(isinstance(one, found) for one in typing.get_args(annotation))
    if origin is typing.Annotated:
        return may_be(kind, typing.get_args(annotation)[0])
    wanted = origin or annotation
    if not isinstance(wanted, type):
        return True
    try:
        fits = issubclass(found, wanted) or issubclass(wanted, found)
    except TypeError:  # a protocol that cannot be asked
        return True
    return fits or (found is int and wanted in (float, complex))
