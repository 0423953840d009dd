# ruff: noqa: INP001 - a script beside the pages, no package
"""What the scripts that write pages share: which modules are public, and docstrings as Markdown."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import GenericAlias
from typing import Any

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "pyresque"

#: The width of a block of code.
WIDTH = 100

#: The public modules. Those of ``pyresque.contrib`` are found by their files.
MODULES = (
    "pyresque",
    "pyresque.errors",
    "pyresque.activejob",
    "pyresque.plugins",
    "pyresque.web",
    "pyresque.testing",
)


def public_modules() -> list[str]:
    """Every public module that is there."""
    contrib = sorted(
        f"pyresque.contrib.{path.stem}"
        for path in (PACKAGE / "contrib").glob("*")
        if not path.stem.startswith("_")
        and (path.suffix == ".py" or (path / "__init__.py").exists())
    )
    there = [
        name
        for name in MODULES
        if _file(name).exists() or (_file(name).with_suffix("") / "__init__.py").exists()
    ]
    return [*there, *contrib]


def _file(module: str) -> Path:
    return PACKAGE.parent / f"{module.replace('.', '/')}.py"


def public_names(module: str) -> list[str]:
    """The public names of a module: those of its ``__all__``, else the classes and functions that are defined in it."""
    found = import_module(module)
    listed = getattr(found, "__all__", None)
    if listed is None:
        listed = [
            name
            for name, value in vars(found).items()
            if not name.startswith("_")
            and (inspect.isclass(value) or inspect.isfunction(value))
            and value.__module__ == module
        ]
    return [name for name in listed if name != "__version__"]


# -- Markdown


def markdown(docstring: str | None) -> str:
    """A docstring as Markdown: its examples become blocks of Python, its double backticks single ones."""
    text = inspect.cleandoc(docstring or "")
    parts, block = [], []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.splitlines()
        if lines and lines[0].lstrip().startswith(">>>"):
            parts.append("```python\n" + inspect.cleandoc(paragraph) + "\n```")
        elif lines and all(line.startswith("    ") for line in lines):
            block = inspect.cleandoc("\n" + paragraph)
            parts.append("```python\n" + block + "\n```")
        else:
            one = re.sub(r"::$", ":", paragraph.replace("``", "`"))
            parts.append(
                re.sub(r"(?<!`)\*(?=\w+\b)(?![^`]*`)", r"\\*", one)
                if "*" in one and "`" not in one
                else one
            )
    return "\n\n".join(part for part in parts if part)


def first_paragraph(docstring: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(docstring or "").partition("\n\n")[0].split()).replace(
        "``", "`"
    )


def signature(name: str, owner: Any, *, method: bool = False) -> str:
    """A call as it is declared; a line for each parameter where it is long. Of the many keywords that are settings three dots stand."""
    # Of these two each Python tells another call: an alias of a type, which nobody calls, and an enumeration.
    if isinstance(owner, GenericAlias):
        return name
    if inspect.isclass(owner) and issubclass(owner, Enum):
        return f"{name}(value)"
    try:
        declared = inspect.signature(owner)
    except (TypeError, ValueError):
        return name
    parameters = [one for one in declared.parameters.values() if not one.name.startswith("_")]
    if method:
        parameters = parameters[1:]
    marks = _with_marks(parameters, [_parameter(one) for one in parameters])
    settings = next((at for at, one in enumerate(marks) if one.startswith("sentinels: ")), None)
    if settings is not None:
        marks = [*marks[:settings], "..."]
    returned = declared.return_annotation
    result = (
        "" if returned is declared.empty or inspect.isclass(owner) else f" -> {_type(returned)}"
    )
    line = f"{name}({', '.join(marks)}){result}"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in marks) + f"){result}"


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _parameter(one: inspect.Parameter) -> str:
    stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
    typed = "" if one.annotation is one.empty else f": {_type(one.annotation)}"
    if one.default is one.empty:
        return f"{stars}{one.name}{typed}"
    given = "..." if one.default is ... else repr(one.default)
    default = re.sub(r" at 0x[0-9a-f]+", "", given).replace("'", '"')
    return f"{one.name}{typed} = {default}" if typed else f"{one.name}={default}"


def _with_marks(parameters: list[inspect.Parameter], written: list[str]) -> list[str]:
    """The parameters with the star before those that are given by name alone."""
    marks: list[str] = []
    starred = False
    for one, text in zip(parameters, written, strict=True):
        if one.kind is one.VAR_POSITIONAL:
            starred = True
        elif one.kind is one.KEYWORD_ONLY and not starred:
            marks.append("*")
            starred = True
        marks.append(text)
    return marks


def cell(text: str) -> str:
    """A text as a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def write(pages: dict[str, str]) -> None:
    """Write pages, by their paths below docs/."""
    for path, text in pages.items():
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(text, encoding="utf-8")
