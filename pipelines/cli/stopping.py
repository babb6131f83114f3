"""Stop signals: Ctrl-C and SIGTERM.

Belongs here: receiving and remembering them. A library may swallow the exception that a signal raises, so it is raised again before each step.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_received: list[int] = []


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """In the block, both signals raise KeyboardInterrupt. The list holds the numbers of the signals received."""

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
    """Raise KeyboardInterrupt (again) if a signal was received."""
    if _received:
        raise KeyboardInterrupt
