"""The process title, set by setproctitle's C part alone: its package loads ``logging``, for which each forked child would pay."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NAME = "setproctitle._setproctitle"


def _found() -> Callable[[str], None]:
    try:
        return _of_the_c_part()
    except (AttributeError, ImportError, IndexError, TypeError):
        sys.modules.pop(_NAME, None)
    from setproctitle import setproctitle  # noqa: PLC0415 - where it is built in another way

    return setproctitle


def _of_the_c_part() -> Callable[[str], None]:
    """The function of the module that the package itself will find loaded."""
    if _NAME not in sys.modules:
        import _imp  # noqa: PLC0415 - importlib's own parts: they are always there

        bootstrap: Any = __import__("_frozen_importlib")
        machinery: Any = __import__("_frozen_importlib_external")
        package = machinery.PathFinder.find_spec("setproctitle")
        kinds = (machinery.ExtensionFileLoader, _imp.extension_suffixes())
        spec = machinery.FileFinder(package.submodule_search_locations[0], kinds).find_spec(_NAME)
        module = bootstrap.module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
    found: Callable[[str], None] = sys.modules[_NAME].setproctitle
    return found


set_title = _found()
