"""Payloads in MessagePack, for applications whose Ruby side overrides ``Resque.encode`` and ``decode``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgpack

from pyresque.errors import DecodeError, NotEncodable

if TYPE_CHECKING:
    from collections.abc import Mapping


class MsgpackCodec:
    """Encodes and decodes as Ruby's msgpack gem does."""

    name = "msgpack"

    def encode(self, value: object, *, path: str = "args") -> bytes:
        """Return the bytes of Ruby's ``MessagePack.pack``."""
        try:
            packed: bytes = msgpack.packb(
                value, use_bin_type=True, unicode_errors="surrogateescape"
            )
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise NotEncodable(path, f"MessagePack refuses it: {error}") from error
        return packed

    def decode(self, raw: bytes) -> Any:
        """Return the value of Ruby's ``MessagePack.unpack``. Raises DecodeError."""
        try:
            return msgpack.unpackb(
                raw, raw=False, strict_map_key=False, unicode_errors="surrogateescape"
            )
        except (TypeError, ValueError, RecursionError, msgpack.UnpackException) as error:
            # TypeError: a map with a list or a map as key, which Ruby reads and a Python dict cannot hold.
            raise DecodeError(
                f"{raw[:100]!r} is no MessagePack: {error or type(error).__name__}"
            ) from error

    def decode_at_once(self, raw: bytes) -> Any:  # noqa: ARG002 - the Protocol's signature
        """Return None: MessagePack has no quick decoder of its own."""
        return None

    def embed(
        self, head: Mapping[str, object], key: str, raw: bytes, tail: Mapping[str, object]
    ) -> bytes:
        """Write a map in which ``key`` has the already encoded ``raw`` as its value."""
        packer = msgpack.Packer(use_bin_type=True, unicode_errors="surrogateescape")
        parts = [packer.pack_map_header(len(head) + 1 + len(tail))]
        parts += [packer.pack(part) for pair in head.items() for part in pair]
        parts += [packer.pack(key), raw]
        parts += [packer.pack(part) for pair in tail.items() for part in pair]
        return b"".join(parts)
