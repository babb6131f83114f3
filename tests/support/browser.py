"""A real Chromium, driven over a pipe by its own protocol: what a page asks for, says on its console, shows, and how soon.

Belongs here: starting it, opening pages, asking questions. Does not belong here: what a page should show.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")


@dataclass
class Browser:
    """One page at a time. `requests`: every address that pages asked for; `said`: errors and warnings of the console."""

    sends: int
    reads: int
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _count: int = 0
    _rest: bytes = b""
    _session: str = ""

    def attach(self) -> None:
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters or {}, **({"sessionId": self._session} if self._session else {})}
        os.write(self.sends, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def open(self, url: str, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a page and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.call("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        for address in ("about:blank", url):  # between two anchors of one page nothing would be loaded
            self.call("Page.navigate", {"url": address})
            self.wait_for(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(address[:8])})")

    def ask(self, expression: str) -> Any:
        """The value of an expression on the page."""
        found = self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 20) -> None:
        ends = time.monotonic() + seconds
        while not self.ask(expression):
            assert time.monotonic() < ends, expression
            time.sleep(0.02)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self.reads, 1 << 20)
            assert read, "the browser has gone"
            self._rest += read
        line, self._rest = self._rest.split(b"\0", 1)
        event: dict[str, Any] = json.loads(line)
        method, values = event.get("method", ""), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.said.append(str(values["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning"):
            self.said.append(str(values["args"]))
        elif method == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.said.append(str(values["entry"]["text"]))
        return event


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser of its own, without the settings of anybody."""
    assert CHROMIUM is not None
    to_read, to_send = os.pipe()
    to_hear, to_answer = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        started = f'exec "$0" "$@" 3<&{to_read} 4>&{to_answer}'
        command = ["bash", "-c", started, CHROMIUM, *_FLAGS, f"--user-data-dir={Path(profile)}", "--remote-debugging-pipe"]
        with subprocess.Popen(command, pass_fds=(to_read, to_answer), stderr=subprocess.DEVNULL) as process:
            os.close(to_read)
            os.close(to_answer)
            browser = Browser(to_send, to_hear)
            try:
                browser.attach()
                yield browser
            finally:
                process.terminate()
                process.wait(timeout=20)
                os.close(to_send)
                os.close(to_hear)
