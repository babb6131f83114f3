"""The log of a command: where its events go, and how a line is written. docs/commands.md lists events and fields.

Belongs here: formats, handlers. Does not belong here: which events there are (assets/runtime/events.py and its callers), what is masked
(assets/runtime/masking.py).
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from assets.runtime.events import LOGGER
from assets.runtime.masking import mask, mask_values

Format = Literal["text", "json"]
#: Fields of every line, null if there is no value.
ALWAYS = ("run", "step", "file")
#: A file name may contain any character, but a line of text must stay one line.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160), 0x2028, 0x2029)}


class JsonLines(logging.Formatter):
    """One object per line: time (UTC), level, event, message, run, step, file, and the event's own facts."""

    def format(self, record: logging.LogRecord) -> str:
        head = {"time": _time(record), "level": record.levelname.lower(), "event": getattr(record, "event", record.name), "message": record.getMessage()}
        facts: dict[str, Any] = dict.fromkeys(ALWAYS) | getattr(record, "facts", {})
        plain = json.loads(json.dumps({**head, **facts}, default=plain_value))
        return json.dumps(mask_values(plain), ensure_ascii=False)


class TextLines(logging.Formatter):
    """Time (UTC), level, step and message."""

    def format(self, record: logging.LogRecord) -> str:
        step = getattr(record, "facts", {}).get("step") or "-"
        return f"{_time(record)} {record.levelname:<7} {step:<10} {mask(record.getMessage()).translate(_CONTROL)}"


def start_log(form: Format | None, file: Path | None) -> None:
    """Append events to `file`, or write them to standard error. The default format in a file is JSON. Without format and file there is no log.

    Raises InputError when the file cannot be written.
    """
    stop_log()
    if form is None and file is None:
        return
    try:
        handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    except OSError as error:
        from models.documents import InputError, Problem

        raise InputError([Problem(str(file), 0, "", f"the log cannot be written: {error.strerror}; name another with --log-file")]) from None
    handler.setFormatter(TextLines() if form == "text" else JsonLines())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)


def stop_log() -> None:
    """Close the log."""
    for handler in [*LOGGER.handlers]:
        if isinstance(handler.formatter, JsonLines | TextLines):
            LOGGER.removeHandler(handler)
            handler.close()
    LOGGER.setLevel(logging.NOTSET)


def is_on_standard_error() -> bool:
    """Whether the log goes to standard error. Then progress bars and messages there would break its lines."""
    return any(type(handler) is logging.StreamHandler and isinstance(handler.formatter, JsonLines | TextLines) for handler in LOGGER.handlers)


def plain_value(value: Any) -> Any:
    """For JSON: money and days as text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    return str(value)


def _time(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
