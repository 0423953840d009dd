"""JSON between Python and Ruby: the bytes Ruby's encoders write, and what its decoder accepts."""

from pyresque.ruby.dialect import Dialect
from pyresque.ruby.json_once import decode_at_once
from pyresque.ruby.json_read import JSONValue, decode
from pyresque.ruby.json_spans import member, without
from pyresque.ruby.json_write import encode

__all__ = ["Dialect", "JSONValue", "decode", "decode_at_once", "encode", "member", "without"]
