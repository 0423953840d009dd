"""resque-pool's file: how many workers for which queues, with sections for environments; read safely, no template is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyresque.errors import PoolFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TEMPLATE = re.compile(r"<%")

#: Where resque-pool looks when no file is named.
USUAL = ("resque-pool.yml", "config/resque-pool.yml")


def usual_file(environ: Mapping[str, str], folder: Path) -> Path:
    """The file that RESQUE_POOL_CONFIG names, or the usual one. Raises PoolFileError where there is none."""
    named = environ.get("RESQUE_POOL_CONFIG")
    if named:
        return Path(named)
    for name in USUAL:
        if (folder / name).exists():
            return folder / name
    raise PoolFileError(
        f"there is no {' and no '.join(USUAL)} here: name the pool's file with -f, or by RESQUE_POOL_CONFIG"
    )


def read_pool(path: Path, environment: str) -> dict[str, int]:
    """Queues (with commas between them) and how many workers they have, the environment's section over the rest.

    Raises PoolFileError.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PoolFileError(f"{path} cannot be read: {error}") from error
    return parse_pool(text, str(path), environment)


def parse_pool(text: str, source: str, environment: str) -> dict[str, int]:
    """The same from a text. Raises PoolFileError."""
    for number, line in enumerate(text.splitlines(), 1):
        if _TEMPLATE.search(line) and not line.lstrip().startswith("#"):
            raise PoolFileError(
                f"{source}, line {number}: <% is a template (ERB), which is not run: write the value itself"
            )
    yaml = _yaml()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f"line {mark.line + 1}: "
        raise PoolFileError(f"{source}, {line}{getattr(error, 'problem', error)}") from error
    except RecursionError as error:
        raise PoolFileError(f"{source} is nested too deep") from error
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return {}
    common: dict[str, int] = {}
    special: dict[str, int] = {}
    for name, value in _pairs(yaml, root, source):
        if not isinstance(value, yaml.MappingNode):
            common[name] = _count(value, source)
        elif name == environment:
            for queues, count in _pairs(yaml, value, source):
                special[queues] = _count(count, source)
    return {**common, **special}


def _pairs(yaml: Any, node: Any, source: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, yaml.MappingNode):
        raise PoolFileError(
            f'{source}, line {node.start_mark.line + 1}: a pool is a mapping, such as "high,low": 4'
        )
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not key.value.strip(" ,"):
            raise PoolFileError(f"{source}, line {key.start_mark.line + 1}: this names no queue")
        if value.tag.startswith("!"):
            raise PoolFileError(
                f"{source}, line {value.start_mark.line + 1}: {value.tag} would be an object, and none is made"
            )
        yield str(key.value), value


def _count(node: Any, source: str) -> int:
    text = str(node.value).strip()
    if not text.isdecimal():
        raise PoolFileError(
            f"{source}, line {node.start_mark.line + 1}: {text!r} is no number of workers (0 or more)"
        )
    return int(text)


def _yaml() -> Any:
    try:
        import yaml  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise PoolFileError(
            "pool files need PyYAML: pip install 'pyresque[scheduler]', or give -c and -q in place of a file"
        ) from error
    return yaml
