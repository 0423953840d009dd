"""Every bad payload the project promises to bear, by name; ``Note`` is the one job that is registered for them."""

from __future__ import annotations

import json

#: What no perform is called for, and the error its record names.
REFUSED: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"{bad", "Resque::Helpers::DecodeException"),
    "nothing at all": (b"", "Resque::Helpers::DecodeException"),
    "Python's NaN": (b'{"class":"Note","args":[NaN]}', "Resque::Helpers::DecodeException"),
    "half an object": (b'{"class":"Note","args":[1]', "Resque::Helpers::DecodeException"),
    "two objects": (b'{"class":"Note"}{"class":"Note"}', "Resque::Helpers::DecodeException"),
    "bytes of a picture": (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "Resque::Helpers::DecodeException"),
    "1,000 levels of lists": (
        b'{"class":"Note","args":' + b"[" * 1000 + b"]" * 1000 + b"}",
        "Resque::Helpers::DecodeException",
    ),
    "1,000 levels of objects": (
        b'{"class":"Note","args":[' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"]}",
        "Resque::Helpers::DecodeException",
    ),
    "a list": (b'["Note",1]', "TypeError"),
    "a text": (b'"Note"', "TypeError"),
    "a number": (b"42", "TypeError"),
    "null": (b"null", "TypeError"),
    "true": (b"true", "TypeError"),
    "class missing": (b'{"args":[1]}', "NoMethodError"),
    "class null": (b'{"class":null,"args":[1]}', "NoMethodError"),
    "class a number": (b'{"class":7,"args":[1]}', "NameError"),
    "class a list": (b'{"class":["Note"],"args":[1]}', "NameError"),
    "class an object": (b'{"class":{"a":1},"args":[1]}', "NameError"),
    "class empty": (b'{"class":"","args":[1]}', "NoMethodError"),
    "class unknown": (b'{"class":"Nobody","args":[1]}', "NameError"),
    "class that is none": (b'{"class":"os.system","args":["true"]}', "NameError"),
    "class with a byte that is no UTF-8": (b'{"class":"No\xffte","args":[1]}', "NameError"),
}

#: What is performed all the same, as Ruby does, and what the job is called with.
PERFORMED: dict[str, tuple[bytes, list[object]]] = {
    "args missing": (b'{"class":"Note"}', []),
    "args null": (b'{"class":"Note","args":null}', []),
    "args an object": (b'{"class":"Note","args":{"a":1,"b":2}}', [["a", 1], ["b", 2]]),
    "args a text": (b'{"class":"Note","args":"one"}', ["one"]),
    "args a number": (b'{"class":"Note","args":5}', [5]),
    "a comment and blanks": (b' {"class":"Note", /* why */ "args":[3]} \n', [3]),
    "a foreign key": (b'{"id":"x","class":"Note","args":[4],"queue":"else"}', [4]),
    "a key twice": (b'{"class":"Nobody","class":"Note","args":[6]}', [6]),
    "a byte that is no UTF-8": (b'{"class":"Note","args":["\xff"]}', ["\udcff"]),
    "99 levels below args": (
        b'{"class":"Note","args":' + b"[" * 99 + b"]" * 99 + b"}",
        json.loads("[" * 99 + "]" * 99),
    ),
}
