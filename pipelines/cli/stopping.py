"""Being asked to stop: Ctrl-C and SIGTERM.

Belongs here: noticing and remembering. A library may swallow the exception that a signal raises, so the steps ask again before each one.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_received: list[int] = []


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """For the block, both signals raise KeyboardInterrupt; the list holds the numbers of those that came."""

    def stop(number: int, _frame: FrameType | None) -> None:
        _received.append(number)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    _received.clear()
    try:
        yield _received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def stop_if_asked() -> None:
    """Raise KeyboardInterrupt (again) when a signal has come."""
    if _received:
        raise KeyboardInterrupt
