"""The job that every side performs: nothing."""


def noop(*args: object) -> None:
    """Do nothing."""
