"""Tables exported to spreadsheets and other ledgers.

Belongs here: cells that a spreadsheet would run as formulas. Does not belong here: which tables are exported, and to which files.
"""

from __future__ import annotations

import polars as pl

#: A spreadsheet takes a text cell that begins with one of these for a formula.
_FORMULA = r"^[=+\-@\t\r]"
#: A negative number, however it is written, is not a formula.
_NEGATIVE = r"^-[0-9][0-9.,]*$"


def neutralize_texts(frame: pl.DataFrame, has_written_numbers: bool = False) -> pl.DataFrame:
    """The table with a `'` before every text that begins like a formula, so that a spreadsheet runs none. Numbers and dates are unchanged.

    `has_written_numbers`: the table holds numbers as text, and negative ones are left unchanged too.
    """
    texts = pl.selectors.string()
    is_formula = texts.str.contains(_FORMULA)
    if has_written_numbers:
        is_formula &= ~texts.str.contains(_NEGATIVE)
    return frame.with_columns(pl.when(is_formula).then(pl.lit("'") + texts).otherwise(texts).name.keep())
