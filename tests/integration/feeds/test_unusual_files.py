"""Warnings about whole files: smaller than usual, and an earlier delivery once more. They must not cry wolf."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from models.documents import InputError
from tests.support.feed_books import HEADER, ROW, add_file, load, query, write_book

KEYED = 'transactions: {files: "feeds/transactions/*", key: [transaction_id]}'


def feed(settings: str) -> str:
    return f'transactions: {{files: "feeds/transactions/*", {settings}}}'


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def of_day(day: dt.date, rows: int, first: int = 0) -> str:
    """A day's file, each row with an id of its own."""
    return csv(*[ROW.replace("A-1", f"{day:%m%d}-{first + n}").replace("2026-03-31", day.isoformat()) for n in range(rows)])


def deliver(book: Path, first: dt.date, sizes: list[int], arrives: int) -> list[str]:
    """A file for each day from `first` on, taken in one by one on the days from `arrives` of June. Returns all warnings."""
    warnings: list[str] = []
    for n, rows in enumerate(sizes):
        day = first + dt.timedelta(days=n)
        add_file(book, f"transactions/{day}.csv", of_day(day, rows))
        warnings += load(book, arrives + n).warnings
    return warnings


def usual_week(tmp_path: Path, feeds: str = KEYED) -> Path:
    """A book with the files of Monday to Friday, 20 rows each."""
    assert ROW.startswith("A-1,")
    book = write_book(tmp_path, feeds)
    assert deliver(book, dt.date(2026, 6, 1), [20] * 5, 1) == []
    return book


def test_a_file_smaller_than_usual_is_named_or_refused(tmp_path: Path) -> None:
    book = usual_week(tmp_path)
    assert ["7 rows, 20 are usual" in message for message in deliver(book, dt.date(2026, 6, 8), [7], 8)] == [True]
    add_file(book, "transactions/cheap.csv", of_day(dt.date(2026, 6, 9), 20).replace("12.50", "1.00"))
    assert ["an amount of 20.00, 250.00 is usual" in message for message in load(book, 9).warnings] == [True]
    assert deliver(book, dt.date(2026, 6, 10), [20], 10) == []
    write_book(book, feed("key: [transaction_id], drop: {rows: 0.3, then: refuse}"))
    add_file(book, "transactions/x.csv", of_day(dt.date(2026, 6, 11), 1))
    with pytest.raises(InputError, match=r"x\.csv: has 1 rows"):
        load(book, 11)
    write_book(book, feed("key: [transaction_id], drop: {rows: 0, amount: 0}"))
    assert load(book, 11).warnings == ()


def test_a_quiet_weekend_is_no_cut(tmp_path: Path) -> None:
    """Also the first one. A weekend that is smaller than three others is named."""
    book = usual_week(tmp_path)
    for week in range(2):
        assert deliver(book, dt.date(2026, 6, 6 + 7 * week), [4, 3], 6 + 7 * week) == []
        assert deliver(book, dt.date(2026, 6, 8 + 7 * week), [20] * 5, 8 + 7 * week) == []
    assert ["1 rows, 3.5 are usual" in message for message in deliver(book, dt.date(2026, 6, 20), [1], 20)] == [True]


def test_a_monthly_file_is_not_excused_by_a_weekend(tmp_path: Path) -> None:
    """1 March 2026 is a Sunday; what is left of the month's file has rows of that day only."""
    book = write_book(tmp_path, KEYED)
    for n in range(4):
        month = [of_day(dt.date(2025, 11 + n, 1) if n < 2 else dt.date(2026, n - 1, 1), 10), of_day(dt.date(2026, 1 + n, 28), 10, 50).partition("\n")[2]]
        add_file(book, f"transactions/{n}.csv", "".join(month))
        load(book, n + 1)
    add_file(book, "transactions/march.csv", of_day(dt.date(2026, 3, 1), 2))
    assert ["2 rows, 20 are usual" in message for message in load(book, 5).warnings] == [True]


def test_a_correction_is_no_cut(tmp_path: Path) -> None:
    book = usual_week(tmp_path)
    add_file(book, "transactions/corrected.csv", of_day(dt.date(2026, 6, 3), 2).replace("12.50", "11.00"))
    assert load(book, 8).warnings == ()


def test_the_first_delivery_is_not_judged_and_a_new_rhythm_is_named_once(tmp_path: Path) -> None:
    """Twelve months of history in one go, then a file a day."""
    sizes = [100, 90, 110, 20, 100, 120]
    files = {f"transactions/{n}.csv": of_day(dt.date(2025, 1 + n, 5), rows) for n, rows in enumerate(sizes)}
    book = write_book(tmp_path, KEYED, files)
    assert load(book, 1).warnings == ()
    assert len(deliver(book, dt.date(2026, 6, 2), [5, 5, 6], 2)) == 1


def test_a_third_delivery_of_the_first_bytes_is_named(tmp_path: Path) -> None:
    """A, then B, then A again, under one name or under three. It is entered once; as long as it lies there nothing more is said."""
    first, second = of_day(dt.date(2026, 6, 1), 3), of_day(dt.date(2026, 6, 1), 3).replace("12.50", "99.00")
    for names in (["a", "a", "a"], ["a", "b", "c"]):
        book = write_book(tmp_path / "-".join(names), KEYED)
        for day, (name, content) in enumerate(zip(names, [first, second, first], strict=True), 1):
            path = add_file(book, f"transactions/{name}.csv", content)
            os.utime(path, (day * 1e6, day * 1e6))
            warnings = load(book, day).warnings
            assert len(warnings) == (day == 3)
        assert f"{names[2]}.csv has the same bytes as feeds/transactions/a.csv, file 1 of transactions, and loads nothing" in warnings[0]
        assert "deliver its rows in a file with different bytes" in warnings[0]
        assert load(book, 4).warnings == ()
        assert query(book, "select status from raw.feed_files order by arrival_no") == [("loaded",), ("loaded",), ("duplicate",)]


def test_the_same_file_twice_in_a_row_is_not_named(tmp_path: Path) -> None:
    book = usual_week(tmp_path)
    add_file(book, "transactions/again.csv", of_day(dt.date(2026, 6, 2), 20))
    assert load(book, 8).warnings == ()


def test_files_of_one_name_in_two_folders_do_not_alternate(tmp_path: Path) -> None:
    """Outside the book a file is known by its name alone."""
    for folder, rows in (("x", 2), ("y", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sales.csv").write_text(of_day(dt.date(2026, 6, rows), rows))
    book = write_book(tmp_path / "book", f'transactions: {{files: "{tmp_path}/*/sales.csv"}}')
    for day in (1, 2, 3):
        load(book, day)
    assert query(book, "select count(*) from raw.feed_files") == [(2,)]
