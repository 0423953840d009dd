"""The dashboard's own style, script and icon."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

#: The only files that are served, with their types.
TYPES = {
    "style.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


async def static(request: Request) -> Response:
    """Serve one of the files; a browser keeps it, and asks whether it is still the same."""
    name: str = request.path_params["name"]
    if name not in TYPES:
        raise HTTPException(404)
    body, tag = _read(name)
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=TYPES[name])


@lru_cache
def _read(name: str) -> tuple[bytes, str]:
    body = files("pyresque.web").joinpath("static").joinpath(name).read_bytes()
    return body, f'"{sha256(body).hexdigest()[:20]}"'
