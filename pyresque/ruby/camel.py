"""A Python name as Ruby's, for those who register jobs: the other names are in ``names``, which loads more."""

from __future__ import annotations


def camelize(name: str) -> str:
    """A Python function's name as a Ruby class name: ``monthly_report`` becomes ``MonthlyReport``."""
    return "".join(word[0].upper() + word[1:] for word in name.split("_") if word)
