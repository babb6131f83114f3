"""Tables that leave for spreadsheets and other ledgers.

Belongs here: what a cell must not be. Does not belong here: which tables leave, and to which files.
"""

from __future__ import annotations

import polars as pl

#: A text cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = r"^[=+\-@\t\r]"


#: A number below zero is none, however it is written.
_NEGATIVE = r"^-[0-9][0-9.,]*$"


def neutralize_texts(frame: pl.DataFrame, has_written_numbers: bool = False) -> pl.DataFrame:
    """The same table, where a spreadsheet runs no cell: a text that begins like a formula gets a leading `'`. Numbers and dates stay numbers and dates.

    `has_written_numbers`: numbers are texts in this table, and those below zero stay too.
    """
    texts = pl.selectors.string()
    is_formula = texts.str.contains(_FORMULA)
    if has_written_numbers:
        is_formula &= ~texts.str.contains(_NEGATIVE)
    return frame.with_columns(pl.when(is_formula).then(pl.lit("'") + texts).otherwise(texts).name.keep())
