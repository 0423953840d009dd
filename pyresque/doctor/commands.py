"""The commands that mend a finding, as they are typed in a shell: bash or zsh, because names in Redis may have any bytes."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pyresque.errors import SettingsError
from pyresque.printable import without_password
from pyresque.settings import Settings
from pyresque.store.keys import Keys
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What stands in a command for a URL that holds a password: others see a command line.
SECRET: Final = '"$REDIS_URL"'  # noqa: S105 - a variable's name, and no password

#: The application in a command if none is given.
NO_APP: Final = "myapp.jobs:resque"

#: Settings that say which Redis is meant, with their options, where they differ from what the environment says.
_OPTIONS: Final = {
    "namespace": "-n",
    "sentinel_master": "--sentinel-master",
    "sentinels": "--sentinels",
}


_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", re.ASCII)


class Commands:
    """Writes commands for the Redis and the namespace of these settings, as they are typed where the doctor was called.

    ``environ``: the environment there, which commands follow without options; by default this process's.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.keys = Keys(settings.namespace)
        self.app = settings.app or NO_APP
        try:
            here = Settings.load(environ=environ)
        except SettingsError:
            here = Settings.load(environ={})
        self.options: list[str] = ["-A", quoted(settings.app)] if settings.app else []
        if settings.url != here.url:
            self.options += ["-u", self._url(settings.url)]
        for name, flag in _OPTIONS.items():
            value = getattr(settings, name)
            if value != getattr(here, name):
                text = value if isinstance(value, str) else ",".join(value)
                self.options += [flag, quoted(text)]
        self._redis = " ".join(["redis-cli", *self._server()])

    def pyresque(self, *words: str) -> str:
        """Return a command of pyresque's. Options stand before ``--``, behind which names may look like options."""
        at = words.index("--") if "--" in words else len(words)
        before, names = words[:at], words[at + 1 :]
        dashes = ["--"] if any(name.startswith("-") for name in names) else []
        parts = ["pyresque", *map(quoted, before)]
        if dashes:
            return " ".join([*parts, *self.options, "--", *map(quoted, names)])
        return " ".join([*parts, *map(quoted, names), *self.options])

    def worker(self, *queues: str) -> str:
        """Return the command that starts a worker of these queues."""
        return self.started("worker", "-q", ",".join(queues))

    def started(self, *words: str) -> str:
        """Return a command that needs the application."""
        line = self.pyresque(*words)
        return line if self.settings.app else f"{line} -A {quoted(self.app)}"

    def redis(self, *args: str | bytes | float) -> str:
        """Return a line of redis-cli."""
        words = (str(arg) if isinstance(arg, (int, float)) else arg for arg in args)
        return " ".join([self._redis, *map(quoted, words)])

    @property
    def lock_key(self) -> str:
        """The key of the scheduler's master lock."""
        return self.keys.master_lock(self.settings.master_lock_prefix)

    def released(self, holder: str, prefix: str | None = None) -> str:
        """Return the command that takes the master lock from this holder, and from no other. ``prefix``: of another lock than ours."""
        given = () if prefix is None else (f"--master-lock-prefix={prefix}",)
        if prefix is None and self.settings.master_lock_prefix:
            given = (f"--master-lock-prefix={self.settings.master_lock_prefix}",)
        return self.pyresque("schedule", "lock", "--release", "--yes", f"--holder={holder}", *given)

    @staticmethod
    def on_host(host: str, line: str) -> list[str]:
        """Return the line that carries out another one on a host; none where the name could be no host's, such as an option of ssh."""
        return [f"ssh {host} {line}"] if _HOST.fullmatch(host) else []

    def aside(self, key: str | bytes, bare: str) -> str:
        """Return the line that renames a key that stands where another one should, so that its value is kept."""
        return self.redis("RENAMENX", key, f"{self.settings.namespace}:foreign:{bare}")

    def _url(self, url: str) -> str:
        return quoted(url) if without_password(url) == url else SECRET

    def _server(self) -> list[str]:
        """Return redis-cli's options for this server."""
        url = self.settings.server_url
        scheme, _, rest = url.partition("://")
        if scheme == "unix":
            path, _, query = rest.partition("?")
            numbers = [one[3:] for one in query.split("&") if one.startswith("db=")]
            return ["-s", quoted(path), *(["-n", quoted(numbers[0])] if numbers else [])]
        if "+" not in scheme:
            return ["-u", self._url(url)]
        plain, _, kind = scheme.partition("+")
        first = urlsplit(f"//{rest}").netloc.rpartition("@")[2].split(",")[0]
        if kind == "cluster":
            return ["-c", "-u", quoted(f"{plain}://{first}")]
        host, _, port = first.rpartition(":")
        parts = [part for part in urlsplit(f"//{rest}").path.split("/") if part]
        service = parts[0] if parts else self.settings.sentinel_master
        number = parts[1] if len(parts) > 1 else "0"
        asked = f"redis-cli -h {quoted(host or first)} -p {quoted(port or '26379')} SENTINEL get-master-addr-by-name {quoted(service)}"
        return ["-u", f'"{plain}://$({asked} | paste -sd:)/{number}"']


def quoted(word: str | bytes) -> str:
    """Return a word as a shell reads it back, byte for byte, in printable letters alone."""
    raw = to_bytes(word) if isinstance(word, str) else word
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and (text or not raw):
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, raw))}'"


def _escaped(byte: int) -> str:
    letter = chr(byte)
    if letter in "'\\":
        return f"\\{letter}"
    return letter if " " <= letter <= "~" else f"\\x{byte:02x}"
