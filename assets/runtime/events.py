"""What a run writes to its log: events of the logger `tierledger`. Each has a sentence for people and fields for programs.

Belongs here: logging an event, and the fields that all events of a block share. Does not belong here: how a line is written, where it goes and what is
masked in it (pipelines/logging/format.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

LOGGER = logging.getLogger("tierledger")
LOGGER.addHandler(logging.NullHandler())  # without a handler, Python prints errors itself,
LOGGER.propagate = False  # and libraries that a run imports make the root logger print them too
#: The fields of the current block; each thread has its own.
_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound_fields", default=MappingProxyType({}))


def log_event(event: str, message: str, level: int = logging.INFO, /, **facts: Any) -> None:
    """Log one event with these facts and those of the block. It costs nothing if there is no log."""
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, "%s", message, extra={"event": event, "facts": {**_bound.get(), **facts}}, stacklevel=2)


def is_logging() -> bool:
    """Whether there is a log. Facts that need a query are only looked up if there is one."""
    return LOGGER.isEnabledFor(logging.INFO)


def bind(**facts: Any) -> None:
    """From now to the end of the block, every event has these facts, such as the run once it is identified."""
    _bound.set({**_bound.get(), **facts})


@contextmanager
def bound_fields(**facts: Any) -> Iterator[None]:
    """In the block, every event has these facts."""
    before = _bound.get()
    bind(**facts)
    try:
        yield
    finally:
        _bound.set(before)
