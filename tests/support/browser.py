"""A real Chromium, driven by Playwright: what a page asks for, says on its console, shows, how soon, and what keeps people out of it.

Belongs here: starting it, opening pages, asking questions. Does not belong here: what a page should show.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Browser:
    """One page at a time. `requests`: every address that pages asked for; `said`: errors and warnings of the console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("console", lambda message: self.said.append(message.text) if message.type in ("error", "warning") else None)

    def open(self, url: str, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a page and wait until it is loaded."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        for address in ("about:blank", url):  # between two anchors of one page nothing would be loaded
            self.page.goto(address)

    def ask(self, expression: str) -> Any:
        """The value of an expression on the page."""
        return self.page.evaluate(expression)

    def wait_for(self, expression: str, seconds: float = 20) -> None:
        self.page.wait_for_function(expression, timeout=seconds * 1000)

    def barriers(self) -> list[tuple[str, str, str]]:
        """What axe finds that keeps people out: the rule, the first place, and why."""
        options = {"resultTypes": ["violations"], "preload": False}  # it would ask for the style sheet again, which no page from a disk may
        found = Axe().run(self.page, options=options).response["violations"]
        return [(each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"]) for each in found]


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser of its own, without the settings of anybody."""
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as chromium:
        yield Browser(chromium.new_page())
