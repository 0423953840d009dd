"""Reads a request: the names in its path, its query and its form, with all their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_to_bytes

from pyresque.errors import DurationError
from pyresque.schedule.cron.durations import parse_stretch
from pyresque.web.render import for_program, screen_of
from pyresque.web.view import Ask, Refused

if TYPE_CHECKING:
    from starlette.requests import Request

#: Bytes of the largest form, and its most fields.
MOST_BYTES = 1 << 20
MOST_FIELDS = 1000


async def ask_of(request: Request) -> Ask:
    """Return a request as handlers see it. Raises Refused for a form that is none, or too large."""
    query = _fields(request.scope.get("query_string", b""))
    form = _fields(await _body(request)) if request.method == "POST" else {}
    program = for_program(request)
    names = {name: _unquoted(value) for name, value in request.path_params.items()}
    path: str = request.scope["path"]
    if names and path.endswith(".json") and query.get("format") == "html":
        names[list(names)[-1]] += ".json"
    user: str = getattr(getattr(request.state, "access", None), "user", "")
    return Ask(names, query, form, program, screen_of(request), user)


def _unquoted(part: str) -> str:
    return unquote_to_bytes(part).decode("utf-8", "surrogateescape")


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "application/x-www-form-urlencoded")
    if kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refused("A change is sent as a form: application/x-www-form-urlencoded.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise Refused("This form is too large.")
    return body


def _fields(encoded: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            encoded.decode("latin-1"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise Refused("This request has too many fields.") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def stretch(written: str) -> float:
    """Return a duration that a person wrote, such as ``1h30m``, in seconds. Raises DurationError, also for one without a number."""
    if not any(char.isdigit() for char in written):
        raise DurationError(f"{written[:64]!r} is no duration: write 30s, 1h30m, 2 days")
    return parse_stretch(written[:64])
