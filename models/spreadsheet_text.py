"""Tables exported to spreadsheets and other ledgers.

Belongs here: texts that a spreadsheet would run as formulas or take for numbers and days, and how they come back. Does not belong here: which tables
are exported, and to which files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

#: A spreadsheet takes a text that begins with one of these for a formula. Guarded texts are guarded once more, so that each comes back as it was.
_FORMULA = r"^('*[=+\-@\t\r])"
_GUARDED = r"^'('*[=+\-@\t\r])"
#: A negative number, however it is written, is not a formula.
_NEGATIVE = re.compile(r"-[0-9][0-9.,]*")


#: Texts that a spreadsheet turns into a number or a day that reads otherwise: 0042, 12345678901234567, 1E5, 2026-03, 1/2.
_CHANGED = r"^([+-]?0\d+|\d{16,}|\d+(\.\d+)?[eE][+-]?\d+|\d{1,4}([-/.]\d{1,2}){1,2}|\d{1,2}[-/.]\d{4})$"


def keep_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """The table for a CSV file that a spreadsheet opens: texts that it would change are formulas that give them as they are, `="0042"`."""
    import polars as pl

    texts = [pl.col(name) for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(pl.when(text.str.contains(_CHANGED)).then(pl.format('="{}"', text)).otherwise(text).name.keep() for text in texts)


def neutralize_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with a `'` before every text and every column name that begins like a formula. Numbers and dates are unchanged."""
    import polars as pl  # reading files needs the other functions alone

    texts = pl.selectors.string().str.replace(_FORMULA, "'$1")
    return frame.with_columns(texts).rename(guard_text)


def guard_text(text: str) -> str:
    """The text with a `'` before it if a spreadsheet would take it for a formula. A negative number is unchanged."""
    return text if _NEGATIVE.fullmatch(text) else re.sub(_FORMULA, r"'\1", text)


def restore_text(text: str) -> str:
    """The text that `guard_text` was given."""
    return re.sub(_GUARDED, r"\1", text)


def restore_sql(cell: str) -> str:
    """The same as an SQL expression."""
    return f"regexp_replace({cell}, '{_GUARDED.replace(chr(39), chr(39) * 2)}', '\\1')"
