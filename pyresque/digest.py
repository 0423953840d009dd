"""SHA1 as Redis uses it, to name a script or a payload; nothing is secured by it."""

from __future__ import annotations

try:
    # Python's own, in place of OpenSSL's: that library alone costs every forked child fifteen more areas of memory.
    from _sha1 import sha1  # type: ignore[import-not-found]  # no stub: it is Python's own affair
except ImportError:
    from hashlib import sha1


def sha1_hex(data: bytes) -> str:
    """The digest in hexadecimal."""
    digest: str = sha1(data, usedforsecurity=False).hexdigest()
    return digest
