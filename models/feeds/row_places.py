"""Where a row of a file is, in words.

Belongs here: how messages and reports name a row. Does not belong here: finding its line (assets/feeds/row_lines.py).
"""

from __future__ import annotations


def name_place(file_name: str, row: int, line: int | None) -> str:
    """Such as `line 124 (row 123)`: the line as an editor numbers it, or the row of the sheet. Without lines (Parquet) only the row among the rows."""
    if line is None:
        return f"row {row:,}"
    return f"{'sheet row' if file_name.lower().endswith('.xlsx') else 'line'} {line:,} (row {row:,})"
