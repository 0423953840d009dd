"""JSON between Python and Ruby: the bytes Ruby's encoders write, and what its decoder accepts."""

from pyresque.ruby.dialect import Dialect
from pyresque.ruby.json_decode import JSONValue, decode
from pyresque.ruby.json_encode import encode
from pyresque.ruby.json_fast import decode_at_once
from pyresque.ruby.json_spans import member, without

__all__ = ["Dialect", "JSONValue", "decode", "decode_at_once", "encode", "member", "without"]
