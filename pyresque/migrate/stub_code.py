"""The source of a handler, of its test, and of the modules that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob.arguments import RUBY2_KEYWORDS, SERIALIZED
from pyresque.errors import PyresqueError
from pyresque.migrate.stub_call import Signature
from pyresque.migrate.stub_names import function_name
from pyresque.migrate.stub_types import ORIGINS, Writer, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyresque.migrate.stub_sample import ClassSample

#: The widest line of a signature or a call that is not broken.
WIDE: Final = 88

BASE: Final = '''"""What the handlers of this package are registered with."""

from __future__ import annotations

from pyresque import Resque

resque = Resque()
'''

APP: Final = '''"""The application that ``-A`` names: importing it imports every module of this package, so that all handlers are registered."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

from .base import resque

__all__ = ["resque"]

_PACKAGE = __name__.rpartition(".")[0]
for _found in walk_packages(import_module(_PACKAGE).__path__, f"{_PACKAGE}."):
    if not f"{_found.name}.".startswith(f"{_PACKAGE}.tests."):
        import_module(_found.name)
'''

PACKAGE: Final = '"""Handlers of Ruby\'s jobs, one module for each class."""\n'

TESTS: Final = '"""Recorded payloads, redacted, and the handlers that take them."""\n'

RECORDED: Final = '''"""From a recorded payload to the call of its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.activejob import deserialize

if TYPE_CHECKING:
    from collections.abc import Mapping

WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


class _Opaque:
    """A value of a serializer that only Ruby has."""

    def __init__(self, ruby_name: str) -> None:
        self.ruby_name = ruby_name

    def accepts(self, value: object) -> bool:
        return False

    def serialize(self, value: object) -> dict[str, object]:
        return {}

    def deserialize(self, payload: Mapping[str, object]) -> object:
        return dict(payload)


def call_of(
    payload: dict[str, Any],
    *,
    by_name: bool = False,
    skip: int = 0,
    serializers: tuple[str, ...] = (),
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments with which the handler is called."""
    args: list[Any] = payload["args"]
    if payload["class"] == WRAPPER:
        found = args[0]["arguments"]
        return deserialize(found, {}, [_Opaque(name) for name in serializers])
    if by_name:
        return [], args[1] if len(args) > 1 and isinstance(args[1], dict) else {}
    return args[skip:], {}
'''


class Stub:
    """The sources of one class: ``handler`` and ``test``; ``path`` is that of its module."""

    def __init__(self, sample: ClassSample, path: tuple[str, ...]) -> None:
        self.sample = sample
        self.path = path
        self.function = function_name(path)
        self.writer = Writer({self.function, "Any", "TypedDict", "NotRequired", *ORIGINS})
        self.signature = Signature(sample, self.writer)
        self.plugins, self.unfit = _plugins(sample)

    def handler(self) -> str:
        """Return the source of the handler's module."""
        shown = quoted(self.sample.name)[1:-1]
        parts = [
            f'"""The job {shown}, written from payloads that Redis held. The body is yours."""',
            "from __future__ import annotations",
            "\n\n".join(self._imports()),
        ]
        definition = [*self._decorator(), *self._head(), *self._docstring(shown)]
        definition.append("    raise NotImplementedError")
        blocks = [*self.writer.definitions, "\n".join(definition)]
        # isort wants one empty line between imports and what is neither a class nor a function.
        gap = "\n\n\n" if blocks[0].startswith(("class ", "@", "def ", "async ")) else "\n\n"
        return "\n\n".join(parts) + gap + "\n\n\n".join(blocks) + "\n"

    def test(self) -> str:
        """Return the source of the test's module."""
        sample, up = self.sample, "." * (len(self.path) + 1)
        named = [f"by_name={self.signature.by_name}"] * self.signature.by_name
        named += [f"skip={self.signature.skip}"] * bool(self.signature.skip)
        if sample.serializers:
            names = "".join(f"{quoted(name)}, " for name in sorted(sample.serializers))
            named.append(
                f"serializers=({names.rstrip() if len(sample.serializers) == 1 else names.rstrip(', ')})"
            )
        given = ", ".join(["payload", *named])
        return "\n".join(
            [
                f'"""Recorded payloads of {quoted(sample.name)[1:-1]}, redacted: the handler takes them."""',
                "",
                "from __future__ import annotations",
                "",
                "import inspect",
                "from typing import Any",
                "",
                "import pytest",
                "",
                _import(f"{up}{'.'.join(self.path)}", [self.function]),
                f"from {up[1:]}recorded import call_of",
                "",
                "PAYLOADS: list[dict[str, Any]] = [",
                *(f"    {literal(one, 4)}," for one in sample.recorded()),
                "]",
                "",
                "",
                '@pytest.mark.parametrize("payload", PAYLOADS)',
                "def test_the_handler_takes_a_recorded_payload(payload: dict[str, Any]) -> None:",
                f"    args, kwargs = call_of({given})",
                f"    inspect.signature({self.function}).bind(*args, **kwargs)",
                "",
            ]
        )

    def _imports(self) -> Iterator[str]:
        writer = self.writer
        origins: dict[str, set[str]] = {}
        for name in writer.imports:
            origins.setdefault(ORIGINS.get(name, "typing"), set()).add(name)
        if writer.not_required:
            origins.setdefault("typing", set()).add("TYPE_CHECKING")
        standard = [each for each in sorted(origins) if not each.startswith("pyresque")]
        if standard:
            yield "\n".join(_import(each, origins[each]) for each in standard)
        own = {each: names for each, names in origins.items() if each.startswith("pyresque")}
        if self.plugins:
            own["pyresque.plugins"] = {line.partition("(")[0] for line in self.plugins}
        if own:
            yield "\n".join(_import(each, own[each]) for each in sorted(own))
        yield f"from {'.' * len(self.path)}base import resque"
        if writer.not_required:
            yield "if TYPE_CHECKING:\n    from typing_extensions import NotRequired"

    def _decorator(self) -> list[str]:
        sample = self.sample
        queue = min(sample.queues, key=lambda one: (-sample.queues[one], one), default="default")
        options = [quoted(sample.name), f"queue={quoted(queue)}"]
        if sample.active_job:
            unique = sample.plugins.get("activejob-uniqueness")
            options += [f"unique={quoted(unique)}"] if unique else []
        elif self.plugins:
            options.append(f"plugins=[{', '.join(self.plugins)}]")
        verb = "active_job" if sample.active_job else "job"
        notes = [f"# {gem}: plugins=[{line}]" for gem, line in sorted(self.unfit.items())]
        return [*notes, *_broken(f"@resque.{verb}(", options, ")")]

    def _head(self) -> list[str]:
        return _broken(f"def {self.function}(", self.signature.parameters, ") -> None:")

    def _docstring(self, shown: str) -> Iterator[str]:
        sample = self.sample
        yield f'    """Perform {shown}.'
        yield ""
        recorded = sample.recorded()
        if recorded:
            yield "    A call that was seen, its values redacted::"
            yield ""
            text = quoted(_call(sample.name, recorded[0]))[1:-1]
            yield f"        {text[:2000].rstrip(chr(92))}"
            yield ""
        for name, models in self.signature.records.items():
            known = ", ".join(quoted(model)[1:-1] for model in models)
            yield f"    ``{name}`` is the address of a record ({known}); a function registered by"
            yield "    ``@resque.locator`` for that model has the record passed in its place."
            yield ""
        for serializer in sorted(sample.serializers):
            yield f"    {quoted(serializer)[1:-1]} is a serializer that only Ruby has: ``@resque.serializer``."
            yield ""
        if sample.unreadable is not None:
            yield f"    Some arguments could not be read: {quoted(sample.unreadable)[1:-1]}."
            yield ""
        if len(sample.queues) > 1:
            yield f"    Queues: {', '.join(quoted(one)[1:-1] for one in sorted(sample.queues))}."
            yield ""
        yield '    """'


def _plugins(sample: ClassSample) -> tuple[list[str], dict[str, str]]:
    """Return the plugins that can be written as they are, and those that need more than a mark in Redis tells, by gem."""
    from pyresque import plugins as public  # noqa: PLC0415 - its names are loaded at their first use
    from pyresque.plugins.checked import checked_plugins  # noqa: PLC0415 - as above

    fit: list[str] = []
    made: list[Any] = []
    unfit: dict[str, str] = {}
    for gem, line in sorted(sample.plugins.items()):
        name, _, options = line.partition("(")
        named = {
            "": {},
            ")": {},
            "loner=True)": {"loner": True},
            "suppress=True)": {"suppress": True},
        }
        if sample.active_job:
            continue
        if name not in public.__all__ or options not in named:
            unfit[gem] = line
            continue
        try:
            plugin = getattr(public, name)(**named[options])
            checked_plugins((*made, plugin), sample.name, None, None)
        except (PyresqueError, TypeError, ValueError):
            unfit[gem] = line
            continue
        made.append(plugin)
        fit.append(line)
    return fit, unfit


def _import(module: str, names: Iterable[str]) -> str:
    ordered = sorted(names, key=lambda name: (not name.isupper(), name))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= WIDE:
        return line
    return f"from {module} import (\n{''.join(f'    {name},{chr(10)}' for name in ordered)})"


def _broken(begin: str, parts: list[str], end: str) -> list[str]:
    """Return a call or a head in one line, or with a line for each part."""
    line = f"{begin}{', '.join(parts)}{end}"
    if len(line) <= WIDE or not parts:
        return [line]
    return [begin, *(f"    {part}," for part in parts), end]


def _call(name: str, payload: dict[str, Any]) -> str:
    args = payload["args"]
    found = args[0]["arguments"] if payload["class"] != name and args else args
    listed = found if isinstance(found, list) else [found]
    texts = [text for value in listed for text in _argument(value)]
    return f"{name}({', '.join(texts)})"


def _argument(value: Any) -> list[str]:
    """Return an argument's text, or those of an ActiveJob's keywords."""
    if isinstance(value, dict) and RUBY2_KEYWORDS in value and SERIALIZED not in value:
        return [f"{key}: {value[key]!a}" for key in value if key != RUBY2_KEYWORDS]
    return [ascii(value)]


def literal(value: Any, indent: int = 0) -> str:
    """Return a value of JSON as a literal of Python, in lines that are not too wide."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        parts = [f"{literal(key)}: {literal(inner, indent + 4)}" for key, inner in value.items()]
        marks = "{}"
    elif isinstance(value, list):
        parts, marks = [literal(inner, indent + 4) for inner in value], "[]"
    else:
        return repr(value)
    line = f"{marks[0]}{', '.join(parts)}{marks[1]}"
    if len(line) + indent <= WIDE and "\n" not in line:
        return line
    pad = " " * (indent + 4)
    return (
        f"{marks[0]}\n{''.join(f'{pad}{part},{chr(10)}' for part in parts)}{' ' * indent}{marks[1]}"
    )
