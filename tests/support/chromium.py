"""A headless Chromium of the system's, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; skip where the system has none, fail where PYRESQUE_REQUIRE_CHROMIUM says that it must have one."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        reason = f"no Chromium on the PATH (any of {', '.join(NAMES)}): apt-get install chromium"
        if os.environ.get("PYRESQUE_REQUIRE_CHROMIUM"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()
