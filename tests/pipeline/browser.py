"""A headless Chromium for tests of pages."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


def find_chromium() -> str:
    """The browser's path; skips the test, and says so in the summary, where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        warnings.warn("no Chromium on this machine: pages are NOT tested (Debian: apt install chromium)", stacklevel=2)
        pytest.skip("no Chromium on this machine: pages are NOT tested (Debian: apt install chromium)")
    return path


class Chromium:
    """One browser for many pages."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    @contextmanager
    def page(self, url: str, scheme: str = "light", width: int = 1280) -> Iterator[tuple[Any, list[str]]]:
        """A loaded page, and everything it said to the console, asked the network for or stumbled over."""
        context = self._browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: None if request.url == url else said.append(f"asked for {request.url}"))
        try:
            page.goto(url)
            yield page, said
        finally:
            context.close()


@contextmanager
def start_chromium() -> Iterator[Chromium]:
    """A browser that ends with the block."""
    path = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield Chromium(browser)
        finally:
            browser.close()
