"""Tables that leave for spreadsheets and other ledgers.

Belongs here: what a cell must not be. Does not belong here: which tables leave, and to which files.
"""

from __future__ import annotations

import polars as pl

#: A text cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = r"^[=+\-@\t\r]"


def neutralize_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """The same table, where a spreadsheet runs no cell: a text that begins like a formula gets a leading `'`. Numbers and dates stay numbers and dates."""
    texts = pl.selectors.string()
    return frame.with_columns(pl.when(texts.str.contains(_FORMULA)).then(pl.lit("'") + texts).otherwise(texts).name.keep())
