"""The resources that a run may use: the key `limits` of book.yaml, validated.

Belongs here: names, types and minimum values. Does not belong here: what the machine has (assets/runtime/limits.py).
No limit changes a result, so limits are not part of a run's identity.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from models.validation import Strict

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
#: With less memory than this the engine cannot spill to disk: the window functions of fct_payout_line failed with 100MB at six million lines,
#: and succeeded with this.
LEAST_MEMORY = 150 * 10**6


def _bytes(value: Any) -> Any:
    match = re.fullmatch(r"([1-9][0-9]{0,5})(MB|GB|TB)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"a size is needed here, such as 500MB or 4GB (found {value!r})")
    return int(match[1]) * _UNITS[match[2]]


def _memory(value: Any) -> Any:
    size = _bytes(value)
    if size < LEAST_MEMORY:
        raise ValueError(f"{value} is less than a run can work with; at least {LEAST_MEMORY // 10**6}MB")
    return size


def _folder(value: Any) -> Any:
    if not isinstance(value, str) or not value or value.startswith("~") or "://" in value or "$" in value or "\0" in value:
        raise ValueError(f"a folder is needed here, written out, below the book or from / on (found {value!r})")
    if not value.startswith("/") and ".." in value.split("/"):
        raise ValueError(f"{value} leaves the book; write the absolute path if this is intended")
    return value


class LimitSettings(Strict):
    """None: whatever the machine has. `memory` and `disk_free` are in bytes; `memory` is for the database engine."""

    memory: Annotated[int | None, BeforeValidator(_memory)] = None
    threads: int | None = Field(default=None, ge=1, le=256)
    spill: Annotated[str | None, BeforeValidator(_folder)] = None
    disk_free: Annotated[int, BeforeValidator(_bytes)] = 500 * 10**6
