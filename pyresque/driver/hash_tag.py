"""The hash tag of a namespace: by it a cluster keeps all keys of a namespace in one slot."""

from __future__ import annotations

from pyresque.errors import ClusterFault


def hash_tag(namespace: str) -> str:
    """The part of a namespace by which a cluster chooses the slot of its keys, as Redis reads it; empty if it has no such part."""
    _, opened, rest = namespace.partition("{")
    tag, closed, _ = rest.partition("}")
    return tag if opened and closed else ""


def check_tag(namespace: str, where: str) -> None:
    """Raise ClusterFault if the keys of a namespace are in several slots."""
    if hash_tag(namespace):
        return
    raise ClusterFault(
        f"Redis at {where}: a cluster keeps the keys of one job on several nodes unless the namespace has a hash tag: here it is {namespace!r}; "
        f"set RESQUE_NAMESPACE={{{namespace}}} here, and in Ruby give the same namespace, {{{namespace}}}, to Resque.redis"
    )
