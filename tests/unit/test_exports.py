"""Cells that leave for spreadsheets: no text is a formula there, and nothing else changes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from models.spreadsheet_text import neutralize_texts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=cmd()", "'=cmd()"), ("+5", "'+5"), ("-C1", "'-C1"), ("@x", "'@x"), ("\tx", "'\tx"), ("\rx", "'\rx"),
        ("a=b", "a=b"), ("'=x", "'=x"), ("", ""), (None, None), (" =x", " =x"),
    ],
)  # fmt: skip
def test_texts_that_begin_like_a_formula_are_quoted(text: str | None, shown: str | None) -> None:
    frame = pl.DataFrame({"text": pl.Series([text], dtype=pl.String)})
    assert neutralize_texts(frame)["text"].to_list() == [shown]


def test_numbers_and_dates_stay_as_they_are() -> None:
    frame = pl.DataFrame({"amount": [Decimal("-1.5")], "date": [dt.date(2026, 1, 1)], "count": [-1], "name": ["=x"]})
    assert neutralize_texts(frame).drop("name").equals(frame.drop("name"))
    assert neutralize_texts(frame).columns == frame.columns
