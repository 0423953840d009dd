"""resque-pool's file: how many workers for which queues, with sections for environments. No template of it is run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyresque.errors import FileFault, PoolFileError
from pyresque.schedule.yaml_file import doubled, problem, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

log = logging.getLogger("pyresque")

#: Where resque-pool looks when no file is named.
DEFAULT_FILES = ("resque-pool.yml", "config/resque-pool.yml")


def default_file(environ: Mapping[str, str], folder: Path) -> Path:
    """Return the file that RESQUE_POOL_CONFIG names, else the first of DEFAULT_FILES. Raises PoolFileError if there is none."""
    named = environ.get("RESQUE_POOL_CONFIG")
    if named:
        return Path(named)
    for name in DEFAULT_FILES:
        if (folder / name).exists():
            return folder / name
    raise PoolFileError(
        f"there is no {' and no '.join(DEFAULT_FILES)} here: name the pool's file with -f, or by RESQUE_POOL_CONFIG"
    )


def read_pool(path: Path, environment: str) -> dict[str, int]:
    """Read a file: each list of queues (with commas) and how many workers it has. The environment's section overrides the top.

    Logs each key that stands there twice (the last counts, as in Ruby), and a missing section if no workers are wanted.
    Raises PoolFileError.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PoolFileError(f"{path} cannot be read: {error}") from error
    wanted, notes = parse_pool(text, str(path), environment)
    for note in notes:
        log.warning("%s: %s", path, note)
    return wanted


def parse_pool(text: str, source: str, environment: str) -> tuple[dict[str, int], list[str]]:
    """Parse the text of a file: the counts, and warnings to log. Raises PoolFileError."""
    yaml = _yaml()
    loader = yaml.SafeLoader(text)
    try:
        root = root_of(yaml, loader, text)
        if root is None:
            return {}, []
        notes = list(map(str, doubled(yaml, root)))  # before _counts writes out what is merged
        wanted, sections = _counts(yaml, loader, root, environment)
    except yaml.YAMLError as error:
        raise PoolFileError(f"{source}, {problem(error)}") from error
    except FileFault as fault:
        raise PoolFileError(f"{source}, {fault}") from fault
    except RecursionError as error:
        raise PoolFileError(f"{source} is nested too deep") from error
    finally:
        loader.dispose()
    if sections and environment not in sections and not any(wanted.values()):
        notes.append(f"there is no section {environment!r}; it has {', '.join(sections)}")
    return wanted, notes


def _counts(
    yaml: Any, loader: Any, root: Any, environment: str
) -> tuple[dict[str, int], list[str]]:
    """Return how many workers for which queues, and the names of all sections."""
    common: dict[str, int] = {}
    special: dict[str, int] = {}
    sections = []
    for name, value in _pairs(yaml, loader, root):
        if not isinstance(value, yaml.MappingNode):
            common[name] = _count(value)
            continue
        sections.append(name)
        if name == environment:
            special = {queues: _count(count) for queues, count in _pairs(yaml, loader, value)}
    return {**common, **special}, sections


def _pairs(yaml: Any, loader: Any, node: Any) -> Iterator[tuple[str, Any]]:
    """Yield a mapping's keys and value nodes; merged ones (``<<``) come first. Raises FileFault."""
    if not isinstance(node, yaml.MappingNode):
        raise FileFault(
            f'line {node.start_mark.line + 1}: a pool is a mapping, such as "high,low": 4'
        )
    loader.flatten_mapping(node)
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not key.value.strip(" ,"):
            raise FileFault(f"line {key.start_mark.line + 1}: this names no queue")
        if value.tag.startswith("!"):
            raise FileFault(
                f"line {value.start_mark.line + 1}: {value.tag} would be an object, and none is made"
            )
        yield str(key.value), value


def _count(node: Any) -> int:
    text = str(node.value).strip() if isinstance(node.value, str) else "a list"
    if not text.isdecimal():
        raise FileFault(
            f"line {node.start_mark.line + 1}: {text!r} is no number of workers (0 or more)"
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
