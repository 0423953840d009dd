"""Names of Ruby constants, as a payload's ``class`` gives them, and Ruby's error for one that is missing. Light."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def camelize(name: str) -> str:
    """A Python function's name as a Ruby class name: ``monthly_report`` becomes ``MonthlyReport``."""
    return "".join(word[0].upper() + word[1:] for word in name.split("_") if word)


def underscore(name: str) -> str:
    """A class name as Rails writes it in keys and paths: ``Mailing::DailyHTMLJob`` becomes ``mailing/daily_html_job``."""
    import re  # noqa: PLC0415 - heavy, and few names need it

    words = re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z\d])(?=[A-Z])", "_", name.replace("::", "/"))
    return words.replace("-", "_").lower()


def classify(name: str) -> str:
    """A dashed name as Resque reads it: ``job-name`` becomes ``JobName``, ``a-b`` becomes ``AB``.

    As in Ruby, the letters after the first of each part become lowercase (``foo-BAR``: ``FooBar``). A name without a dash is
    returned unchanged.
    """
    if "-" not in name:
        return name
    return "".join(part.capitalize() for part in name.split("-"))


def constant_path(name: str) -> str:
    """Return the constant that Ruby finds for a payload's ``class``: ``::Mailer``, ``Mailer::`` and ``mailer-`` are ``Mailer``."""
    return "::".join(_parts(name))


def is_constant_name(name: str) -> bool:
    """Whether Ruby can have a class of that name: ``Archive``, ``Reports::Monthly``, ``::Archive``."""
    parts = _parts(name)
    return bool(parts) and all(map(_is_constant, parts))


def missing_constant(class_name: object, known: Iterable[str] = ()) -> str:
    """Return the message of Ruby's NameError for a payload's ``class`` that does not exist.

    ``known`` are the names that exist. Ruby names the first missing part: of ``Deep::Job`` that is ``Deep::Job`` if
    ``Deep::Other`` is known, else ``Deep``. Without any name Ruby takes ``Object``, which exists and cannot perform.
    """
    from pyresque.ruby.inspect import to_s  # noqa: PLC0415 - loads re, and only missing names need it

    parts = _parts(to_s(class_name))
    scopes = {scope for name in known for scope in _scopes(_parts(name))}
    for part, scope in zip(parts, _scopes(parts), strict=True):
        if not _is_constant(part):
            return f"wrong constant name {part}"
        if scope not in scopes:
            return f"uninitialized constant {scope}"
    return f"undefined method `perform' for {'::'.join(parts) or 'Object'}:Class"


def _parts(name: str) -> list[str]:
    """Split a name at ``::`` as ``String#split`` does: without empty parts at the end."""
    parts = classify(name).split("::")
    while parts and not parts[-1]:
        parts.pop()
    return parts[1:] if parts and not parts[0] else parts


def _scopes(parts: list[str]) -> list[str]:
    """Return ``A``, ``A::B`` and ``A::B::C`` for the parts of ``A::B::C``."""
    return ["::".join(parts[: n + 1]) for n in range(len(parts))]


def _is_constant(part: str) -> bool:
    """Whether one part starts with a capital and goes on with letters, digits, ``_`` or anything beyond ASCII."""
    if not (part[:1].isupper() or part[:1].istitle()):
        return False
    return all(letter.isalnum() or letter == "_" or not letter.isascii() for letter in part)
