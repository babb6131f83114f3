"""The tool that compares two published sets finds what differs, and takes two runs of one book as the same."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.tools.compare_sets import compare


def copied(book: Path, to: Path, payout: str) -> Path:
    """The payouts of a book as if another run had published them, with an amount of one put in place."""
    current = to / "published" / "current"
    current.mkdir(parents=True)
    for file in (book / "published" / "current").glob("*.parquet"):
        new = f"replace ('another' as run_id, {payout} as payout)" if file.stem == "fct_payout" else ""
        duckdb.sql(f"copy (select * {new} from '{file}') to '{current / file.name}'")
    return to


def test_the_name_of_the_run_is_no_difference(demo_book: Path, tmp_path: Path) -> None:
    assert compare(demo_book, copied(demo_book, tmp_path, "payout")) == []


def test_a_cent_is_found(demo_book: Path, tmp_path: Path) -> None:
    cent = "case when payout_id like 'p0df754a8%' then payout + 0.01 else payout end::decimal(18,4)"
    found = compare(demo_book, copied(demo_book, tmp_path, cent))
    assert [line.split(":")[0] for line in found] == ["fct_payout", "fct_payout"]
    assert "20074.56" in found[1]


def test_a_missing_table_is_found(demo_book: Path, tmp_path: Path) -> None:
    other = copied(demo_book, tmp_path, "payout")
    (other / "published" / "current" / "dim_tier.parquet").unlink()
    assert compare(demo_book, other) == ["dim_tier: only in one of the two"]
    assert compare(tmp_path / "a", tmp_path / "b") != []


def test_a_table_in_several_files_is_one_table(demo_book: Path, tmp_path: Path) -> None:
    other = copied(demo_book, tmp_path, "payout")
    whole = other / "published" / "current" / "fct_payout_line.parquet"
    for part, condition in (("a", "amount > 0"), ("b", "amount <= 0"), ("c", "amount is null")):
        duckdb.sql(f"copy (from '{whole}' where {condition}) to '{whole.with_name(f'fct_payout_line.{part}.parquet')}'")
    whole.unlink()
    assert compare(demo_book, other) == []
    whole.with_name("fct_payout_line.b.parquet").unlink()
    assert compare(demo_book, other)[0].startswith("fct_payout_line: only in ")
