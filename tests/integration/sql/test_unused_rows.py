"""Rows that count otherwise than most people mean are a warning, once, in the run that takes them in."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from assets.transform.dbt import prepare
from tests.support.sql_books import AGREEMENT, BASE, TRANSACTIONS, read_feeds, write_book

HEADER, ROW = TRANSACTIONS.splitlines()


def warnings_of(folder: Path, files: dict[str, str]) -> tuple[str, ...]:
    context = write_book(folder, {**BASE, **files}, AGREEMENT)
    read_feeds(context)
    found = prepare(context).warnings
    again = replace(context, started_at=context.started_at + dt.timedelta(days=1))
    read_feeds(again)
    assert prepare(again).warnings == ()
    return found


def test_lines_outside_every_term_are_told_and_those_of_the_year_before_are_not(tmp_path: Path) -> None:
    """The term is 2026; the last line waits for its day."""
    days = ["2025-01-01", "2024-11-26", "1926-06-26", "2027-01-01", "2026-12-31"]
    rows = [ROW.replace("t,1,2026-01-01", f"t,{n},{day}") for n, day in enumerate(days)]
    (warning,) = warnings_of(tmp_path, {"transactions/t.csv": "\n".join([HEADER, *rows]) + "\n"})
    assert "3 transaction lines are dated outside every agreement's term, such as 2024-11-26 in line 3 (row 2) of feeds/transactions/t.csv:" in warning
    assert "before 2024-11-27 or after 2026-12-31" in warning


@pytest.mark.parametrize(
    ("assignments", "told"),
    [
        pytest.param("a,b,1,,", "", marks=pytest.mark.long),
        pytest.param("a,a,0.4,,\na,b,0.6,,", "", marks=pytest.mark.long),
        ("a,a,1,,2026-01-31\na,b,1,2026-02-01,", ""),
        pytest.param("b,a,0.5,,", "", marks=pytest.mark.long),  # no line of b
        pytest.param("a,a,0.6,,\na,b,0.3,,", "of 1 partner do not add to 1, such as a: 0.900000.", marks=pytest.mark.long),
        pytest.param("a,a,1,,\na,b,1,2026-03-01,", "of 1 partner do not add to 1, such as a: 2.000000 from 2026-03-01.", marks=pytest.mark.long),
        ("a,a,1,,2026-02-10\na,b,0.5,2026-02-01,", "such as a: 1.500000 from 2026-02-01."),
        ("a,a,1/3,,\na,b,2/3,,", ""),
        ("a,a,1/3,,\na,b,1/2,,", "such as a: 5/6."),
        pytest.param("a,a,1/4,,\na,b,1/2,,", "such as a: 0.750000.", marks=pytest.mark.long),
    ],
)
def test_shares_that_do_not_add_to_1_are_told(tmp_path: Path, assignments: str, told: str) -> None:
    found = warnings_of(tmp_path, {"assignments/a.csv": f"partner_id,participant_id,share,from,to\n{assignments}\n"})
    assert (len(found), found == () or told in found[0]) == (bool(told), True)


@pytest.mark.parametrize(
    ("credits", "told"),
    [
        pytest.param("t,,a,1", "", marks=pytest.mark.long),
        ("t,,a,1/3\nt,,b,2/3", ""),
        pytest.param("t,,a,1/3\nt,,b,1/3", "of 1 transaction or line do not add to 1, such as t: 2/3. What is missing", marks=pytest.mark.long),
        ("t,,a,1\nt,1,b,0.5\nu,,a,0", "of 2 transactions or lines do not add to 1, such as t/1: 0.500000."),
    ],
)
def test_credits_that_do_not_add_to_1_are_told(tmp_path: Path, credits: str, told: str) -> None:
    found = warnings_of(tmp_path, {"credits/c.csv": f"transaction_id,line,participant_id,share\n{credits}\n"})
    assert (len(found), found == () or told in found[0]) == (bool(told), True)


@pytest.mark.parametrize(
    ("feed", "header", "rest"),
    [
        ("collections", "transaction_id,line,collected_on,share", "2026-01-05,1"),
        ("disputes", "transaction_id,line,dispute_id,raised_on,by,reason", "D{n},2026-01-05,ann,not ours"),
    ],
)
def test_rows_of_no_known_line_are_told(tmp_path: Path, feed: str, header: str, rest: str) -> None:
    """All lines of a transaction, its only line, a line that it does not have, and no transaction."""
    rows = "".join(f"{each},{rest.format(n=n)}\n" for n, each in enumerate(("t,", "t,1", "t,2", "u,")))
    (warning,) = warnings_of(tmp_path, {f"{feed}/f.csv": f"{header}\n{rows}"})
    assert warning.startswith(f"2 {feed} are of no transaction line so far, such as t:")
