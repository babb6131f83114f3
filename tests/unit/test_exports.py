"""Cells that leave for spreadsheets: no text is a formula there, and nothing else changes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from models.spreadsheet_text import guard_text, neutralize_texts, restore_sql, restore_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=cmd()", "'=cmd()"), ("+5", "'+5"), ("-C1", "'-C1"), ("@x", "'@x"), ("\tx", "'\tx"), ("\rx", "'\rx"),
        ("a=b", "a=b"), ("'=x", "''=x"), ("", ""), (None, None), (" =x", " =x"),
    ],
)  # fmt: skip
def test_texts_that_begin_like_a_formula_are_quoted(text: str | None, shown: str | None) -> None:
    frame = pl.DataFrame({"text": pl.Series([text], dtype=pl.String)})
    assert neutralize_texts(frame)["text"].to_list() == [shown]


def test_numbers_and_dates_stay_as_they_are() -> None:
    frame = pl.DataFrame({"amount": [Decimal("-1.5")], "date": [dt.date(2026, 1, 1)], "count": [-1], "name": ["=x"]})
    assert neutralize_texts(frame).drop("name").equals(frame.drop("name"))
    assert neutralize_texts(frame).columns == frame.columns


@pytest.mark.parametrize("text", ["=a", "'=a", "''=a", "-5", "'-5", "-5a", "'", "''", "'a", "-", "\t", "a"])
def test_a_guarded_text_comes_back_as_it_was(text: str) -> None:
    guarded = guard_text(text)
    assert guarded[:1] not in ("=", "+", "@", "\t", "\r")
    assert restore_text(guarded) == text
    with duckdb.connect() as con:
        assert con.execute(f"select {restore_sql('cell')} from (select ? as cell)", [guarded]).fetchall() == [(text,)]


def test_headers_are_guarded_like_cells() -> None:
    assert neutralize_texts(pl.DataFrame({"=x": [1], "'=x": [2], "y": [3]})).columns == ["'=x", "''=x", "y"]
