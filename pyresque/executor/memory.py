"""The parent's memory made ready for many forks: nothing that a child's collector would touch, few pages to copy.

A fork copies the table of the parent's pages, so its cost follows their number.
"""

from __future__ import annotations

import gc

#: madvise(2): gather pages into huge ones, now (Linux 6.1).
MADV_COLLAPSE = 25
HUGE = 2 * 1024 * 1024

#: Bytes of private memory from which gathering pays: it takes some milliseconds a time.
MUCH = 32 * 1024 * 1024


def settle() -> None:
    """Before the first fork, once: collect, freeze what is loaded, and gather its pages where there are many.

    Nothing in a process whose parent did so: what they share would be copied.
    """
    if gc.get_freeze_count():
        return
    gc.collect()
    # What is loaded now stays: a collection in a child would write to every page it shares with us.
    gc.freeze()
    try:
        areas = _private_areas()
    except OSError:
        return
    if sum(end - start for start, end in areas) >= MUCH:
        _collapse(areas)


def _private_areas() -> list[tuple[int, int]]:
    """Start and end of each writable area of memory that stands behind no file, where the system tells (Linux)."""
    areas = []
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:  # noqa: PTH123 - pathlib stays unloaded
        for line in maps:
            fields = line.split()
            if fields[1].startswith("rw-p") and (len(fields) == 5 or fields[5] == "[heap]"):  # noqa: PLR2004 - no sixth column: no file
                start, _, end = fields[0].partition("-")
                areas.append((int(start, 16), int(end, 16)))
    return areas


def _collapse(areas: list[tuple[int, int]]) -> None:
    """Gather the pages of each area into huge ones; a kernel that cannot says no, and nothing is lost."""
    import ctypes  # noqa: PLC0415 - one more library to map in every child, for great heaps alone

    madvise = ctypes.CDLL(None, use_errno=True).madvise
    for start, end in areas:
        first, past = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        if past > first:
            madvise(ctypes.c_void_p(first), ctypes.c_size_t(past - first), MADV_COLLAPSE)
