"""thin for now"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["text", "number", "date", "timestamp", "boolean"]

@dataclass(frozen=True)
class Compiled:
    sql: str
    type: Form = "text"
    is_column: bool = False
    can_fail: bool = False
    numbers: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
