"""Ruby's Resque for Python: the same Redis keys, the same bytes."""

from pyresque.client import AsyncResque, Resque
from pyresque.errors import DontPerform, PyresqueError, TermException
from pyresque.version import VERSION as __version__  # noqa: N811 - the name Python's tools ask a package for

__all__ = ["AsyncResque", "DontPerform", "PyresqueError", "Resque", "TermException", "__version__"]
