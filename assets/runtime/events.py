"""What a run writes to its log: events of the logger `tierledger`. Each is a sentence for people, with its facts as fields for programs.

Belongs here: entering an event, and the fields that all events of a block share. Does not belong here: how a line is written, where it goes and what is
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
LOGGER.addHandler(logging.NullHandler())  # without it Python prints errors that nobody listens to,
LOGGER.propagate = False  # and libraries that a run imports make the root logger print them too
#: The fields of the block that is being carried out; each thread has its own.
_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound_fields", default=MappingProxyType({}))


def log_event(event: str, message: str, level: int = logging.INFO, /, **facts: Any) -> None:
    """Enter one event, with these facts and those of the block. It costs nothing when nobody listens."""
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, "%s", message, extra={"event": event, "facts": {**_bound.get(), **facts}}, stacklevel=2)


def is_listened_to() -> bool:
    """Whether anybody reads the log; what takes a query to find out is not looked for otherwise."""
    return LOGGER.isEnabledFor(logging.INFO)


def bind(**facts: Any) -> None:
    """From now to the end of the block, every event has these facts, such as the run once it has a name."""
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
