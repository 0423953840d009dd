"""The processes that live tests talk to: programs in Ruby and Node that speak lines on their pipes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

FIXTURES = Path(__file__).resolve().parents[2] / "ruby_fixtures"
RUBY_SCRIPTS = FIXTURES / "live"
NODE_SCRIPTS = FIXTURES / "node"
PYTHON_WORKER = Path(__file__).resolve().parent / "worker.py"

#: The pages that resque-web opens with, and those that resque-scheduler adds.
TABS = [
    "/overview",
    "/working",
    "/failed",
    "/queues",
    "/workers",
    "/stats/resque",
    "/stats/redis",
    "/stats/keys",
    "/stats.txt",
]
SCHEDULER_TABS = ["/schedule", "/delayed"]


def noted(db: redis.Redis, name: str, count: int = 1) -> list[Any]:
    """The next values that jobs have reported to a list outside Resque's keys; waits for them."""
    items: list[Any] = [db.blpop([name], timeout=60) for _ in range(count)]
    assert None not in items, f"{items.count(None)} of {count} jobs did not report"
    return [json.loads(item[1]) for item in items]


def echoed(db: redis.Redis, count: int = 1) -> list[Any]:
    """What the next EchoJobs were called with."""
    return noted(db, "live:echo", count)


def spelled(values: object) -> str:
    """A text that differs wherever JSON does: 1 and 1.0 and true, the order of keys."""
    return json.dumps(values)


class PeerError(Exception):
    """What the peer's own library raised: the name of its error class, and the message."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Program:
    """A process in a group of its own; what it says on stderr is kept, to be shown when it dies."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        self._errors: IO[str] = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed by end()
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **env},
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        """The next line it says; fails with what it wrote to stderr where it has ended instead."""
        text = self._stdout.readline()
        assert text, f"the program ended: {self.errors()}"
        return text.rstrip("\n")

    def tell(self, text: str) -> None:
        self._stdin.write(text + "\n")
        self._stdin.flush()

    def errors(self) -> str:
        """What it has said on stderr so far."""
        self._errors.seek(0)
        return self._errors.read()

    def send(self, number: signal.Signals) -> None:
        """To the program alone, not to its children."""
        self._process.send_signal(number)

    def wait(self, within: float = 60) -> int:
        return self._process.wait(within)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to leave, and wait until it has."""
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        """Kill the program and its children, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def end(self) -> None:
        self.kill()
        for pipe in (self._stdin, self._stdout, self._errors):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


class Peer(Program):
    """A program that answers each command, a JSON line, by one JSON line."""

    def ask(self, op: str, **fields: object) -> Any:
        """The answer to the verb `op`; a field `class_` travels as `class`. One that is no JSON comes as Ruby's inspect."""
        command = {"op": op, **{name.rstrip("_"): value for name, value in fields.items()}}
        self.tell(json.dumps(command))
        answer = json.loads(self.line())
        if "error" in answer:
            raise PeerError(answer["error"], answer["message"])
        return answer["ok"] if "ok" in answer else answer["inspected"]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of the dashboard."""

    status: int
    body: str
    location: str | None


class Web:
    """A browser for the dashboard on a port of this machine; it follows no redirect by itself."""

    def __init__(self, port: int) -> None:
        self.port = port

    def request(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Page:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            # For curl the error page opens with one line that a human can read.
            headers = {"Accept": "text/plain, */*;q=0.5", "User-Agent": "curl"}
            if form is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request(method, path, urlencode(form) if form is not None else None, headers)
            answer = connection.getresponse()
            return Page(
                answer.status, answer.read().decode(errors="replace"), answer.getheader("Location")
            )
        finally:
            connection.close()

    def get(self, path: str) -> Page:
        return self.request("GET", path)

    def post(self, path: str, **form: str) -> Page:
        return self.request("POST", path, form)

    def crawl(self, *starts: str) -> dict[str, Page]:
        """Every page that can be reached from `starts` by its links, but for those links that change something."""
        seen: dict[str, Page] = {}
        waiting = list(starts)
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            page = seen[path] = self.get(path)
            links = _Links()
            links.feed(page.body)
            for link in [*links.found, page.location or ""]:
                parts = urlsplit(urljoin(f"http://127.0.0.1:{self.port}{path}", link))
                acts = {"requeue", "remove"} & set(parts.path.split("/"))
                cut = parts.path.endswith(
                    "/timestamps:{"
                )  # resque-web puts the key's quotes bare into its link
                if parts.port == self.port and parts.scheme == "http" and not acts and not cut:
                    target = parts.path + (f"?{parts.query}" if parts.query else "")
                    waiting.append(quote(target, safe="/?&=%:@,;+!*'()~[]"))  # as a browser does
        return seen


def failing(pages: Mapping[str, Page]) -> dict[str, str]:
    """The pages that a user would see broken, each with the line that tells why."""
    return {
        path: f"{page.status} {page.body.strip().splitlines()[0] if page.body.strip() else ''}"
        for path, page in pages.items()
        if page.status not in (200, 302, 303)
    }
