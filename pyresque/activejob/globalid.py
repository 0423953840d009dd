"""GlobalID: Rails' address of a record, ``gid://shop/Account/7``."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qsl, quote_plus, unquote_plus, urlencode

from pyresque.errors import GlobalIDError

#: The characters that a path may have unescaped (RFC 3986).
_CHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_URI = re.compile(
    rf"gid://(?P<app>[A-Za-z0-9\-.]+)/(?P<model>{_CHAR}+)/(?P<ids>{_CHAR}+(?:/{_CHAR}+)*)"
    rf"(?:\?(?P<params>(?:{_CHAR}|[/?])*))?(?:#(?:{_CHAR}|[/?])*)?\Z"
)
_APP = re.compile(r"[A-Za-z0-9\-]+\Z")
#: As in Rails a primary key has no more columns.
_MOST_IDS = 20


@dataclass(frozen=True, slots=True, init=False)
class GlobalID:
    """A record's address: the app's name, the model's Ruby name, its id (several for a composite key).

    ``GlobalID("shop", "Account", 7)`` or ``GlobalID("shop", "Seat", (3, 14))``. Ids are texts, as Rails reads them. A GlobalID
    that was read keeps its spelling. Raises GlobalIDError for parts that no GlobalID can have.
    """

    app: str
    model: str
    ids: tuple[str, ...]
    params: tuple[tuple[str, str], ...] = ()
    _found: str | None = field(default=None, compare=False, repr=False)

    def __init__(
        self,
        app: str,
        model: str,
        id: object,  # noqa: A002 - a record's id is called id
        *,
        params: tuple[tuple[str, str], ...] = (),
        _found: str | None = None,
    ) -> None:
        parts = id if isinstance(id, list | tuple) else (id,)
        ids = tuple("" if part is None else str(part) for part in parts)
        if not _APP.match(app) and _found is None:
            raise GlobalIDError(
                f"Invalid app name {app!r}. App names must be valid URI hostnames: alphanumeric and hyphen characters only."
            )
        if not model or model.isspace():
            raise GlobalIDError(
                "Expected a URI like gid://app/Person/1234: the model's name is missing"
            )
        if not ids or not all(ids):
            raise GlobalIDError(f"Unable to create a Global ID for {model} without a model id.")
        for name, value in (
            ("app", app),
            ("model", model),
            ("ids", ids),
            ("params", params),
            ("_found", _found),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, text: object) -> GlobalID | None:
        """Read a GlobalID, in plain or in Rails' URL-safe Base64 form; None for anything else, as in Rails."""
        if not isinstance(text, str):
            return None
        return _plain(text, text) or _base64(text)

    @property
    def id(self) -> str:
        """The id; the parts of a composite key are joined by ``/``."""
        return "/".join(self.ids)

    @property
    def uri(self) -> str:
        """``gid://app/Model/id``, with the ids form-encoded as in Rails."""
        if self._found is not None:
            return self._found
        path = "/".join(quote_plus(part, errors="surrogateescape") for part in self.ids)
        query = f"?{urlencode(self.params)}" if self.params else ""
        return f"gid://{self.app}/{self.model}/{path}{query}"

    def __str__(self) -> str:
        return self.uri


@runtime_checkable
class Identified(Protocol):
    """A record that knows its GlobalID; such a record may be a job's argument."""

    def to_global_id(self) -> GlobalID:
        """Return the record's address. Raises GlobalIDError if it has no id yet."""


def _plain(text: str, found: str) -> GlobalID | None:
    match = _URI.match(text)
    if match is None:
        return None
    ids = [
        unquote_plus(part, errors="surrogateescape")
        for part in match["ids"].split("/", _MOST_IDS - 1)
    ]
    query = match["params"]
    params = tuple(parse_qsl(query, keep_blank_values=True)) if query else ()
    try:
        return GlobalID(match["app"], match["model"], ids, params=params, _found=found)
    except GlobalIDError:
        return None


def _base64(text: str) -> GlobalID | None:
    try:
        plain = base64.b64decode(
            text + "=" * (-len(text) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, ValueError):
        return None
    return _plain(plain, text)
