"""Values as a model reads them: money as text, never a float; text from feeds as what it is, data.

Belongs here: one value, one row, one page of rows. Does not belong here: where they come from (pipelines/answers/questions.py).
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

#: Characters of a text that are passed on; what is cut ends in `…`.
MOST_CHARACTERS = 200
#: Text that stays as it is: ids, which a model must be able to give back, and what the program writes itself. All other text is somebody's.
_OWN_WORDS = re.compile(r"(.*_)?(id|sha256|version|currency|formula|inputs|clause|period|cursor)")
#: A single lower-case word or number, as `payable`, `2.2` or `agreements_net`.
_WORD = re.compile(r"[a-z0-9_.-]{1,40}")
_NAMES = re.compile(r"(.*_)?(name|title)")


def as_value(column: str, value: Any) -> Any:
    """A value as JSON holds it: decimals and days as text, names and texts in «quotes», each on one line and cut to MOST_CHARACTERS."""
    if isinstance(value, Decimal):
        text = format(value, "f")  # normalize() would round to the digits of the context
        return text.rstrip("0").rstrip(".") or "0" if "." in text else text
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, str):
        text = _on_one_line(value)
        is_plain = _OWN_WORDS.fullmatch(column) or (_WORD.fullmatch(text) and not _NAMES.fullmatch(column))
        return text if is_plain else f"«{text.replace('«', '‹').replace('»', '›')}»"
    return value


def as_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a published table, without the columns that are null: they would only take space."""
    return {column: as_value(column, value) for column, value in row.items() if value is not None}


def as_tree(value: Any, column: str = "") -> Any:
    """The same for what holds rows within rows."""
    if isinstance(value, Mapping):
        return {key: as_tree(inner, key) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [as_tree(inner, column) for inner in value]
    return as_value(column, value)


def as_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same for several rows."""
    return [as_row(row) for row in rows]


def _on_one_line(text: str) -> str:
    """Without line breaks, and without characters that are not seen or that change how others are read."""
    seen = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    words = " ".join(seen.split())
    return words if len(words) <= MOST_CHARACTERS else f"{words[: MOST_CHARACTERS - 1]}…"
