"""Write the package of stubs: a file that is there and differs stays, unless the user says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.errors import StubsError
from pyresque.migrate import stub_code
from pyresque.migrate.stub_names import paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pyresque.migrate.stub_sample import ClassSample


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one file: ``wrote``, ``same``, or ``kept``: it differs from what would be written."""

    path: Path
    outcome: str


def sources(samples: Iterable[ClassSample]) -> Iterator[tuple[str, str]]:
    """Yield the path of each file of the package, with its source."""
    known = {one.name: one for one in samples}
    found = {
        "__init__.py": stub_code.PACKAGE,
        "base.py": stub_code.BASE,
        "app.py": stub_code.APP,
        "tests/__init__.py": stub_code.TESTS,
        "tests/recorded.py": stub_code.RECORDED,
    }
    for name, path in paths(known).items():
        stub = stub_code.Stub(known[name], path)
        folders = ["/".join(path[:depth]) for depth in range(1, len(path))]
        for folder in folders:
            found[f"{folder}/__init__.py"] = stub_code.PACKAGE
            found[f"tests/{folder}/__init__.py"] = stub_code.TESTS
        found[f"{'/'.join(path)}.py"] = stub.handler()
        found["/".join(("tests", *path[:-1], f"test_{path[-1]}.py"))] = stub.test()
    yield from sorted(found.items())


def write(out: Path, files: Iterable[tuple[str, str]], *, force: bool) -> Iterator[Written]:
    """Write the files below ``out``; yield what became of each. Raises StubsError: a file cannot be written, or lies elsewhere."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        root = out.resolve()
        for name, source in files:
            path = out / name
            if not path.resolve().is_relative_to(root):
                raise StubsError(f"{path} leads out of {out}: a link stands in its way")
            path.parent.mkdir(parents=True, exist_ok=True)
            yield Written(path, _write(path, source.encode("utf-8"), force=force))
    except OSError as error:
        raise StubsError(f"{error.filename or out} cannot be written: {error.strerror}") from error


def _write(path: Path, source: bytes, *, force: bool) -> str:
    if path.exists():
        if path.read_bytes() == source:
            return "same"
        if not force:
            return "kept"
    path.write_bytes(source)
    return "wrote"
