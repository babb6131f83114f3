"""The benchmark measures what it says: its book is the same every time, and its rivals pay the same to the cent.

Belongs here: what `make bench` relies on, on a book of 2,000 lines. Does not belong here: times, and the product's own payouts on that book
(benchmarks/run.py compares them at each run).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.generator.book import write_book
from benchmarks.generator.shape import BookShape
from benchmarks.payouts import compare, read_from
from benchmarks.rivals.curves import ONE, pieces

ROOT = Path(__file__).parents[2]
SHAPE = BookShape(lines=2_000, agreements=20, partners=200, products=300)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark") / "book"
    write_book(SHAPE, folder, further_days=1)
    return folder


@pytest.fixture(scope="module")
def floor(book: Path) -> Path:
    return run_rival("duckdb_floor", book)


def run_rival(name: str, book: Path) -> Path:
    out = book.parent / name
    command = [sys.executable, "-m", f"benchmarks.rivals.{name}", str(book), "--out", str(out)]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return out


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_arguments_write_the_same_bytes(book: Path, tmp_path: Path) -> None:
    write_book(SHAPE, tmp_path / "again", further_days=1)
    assert digests(tmp_path / "again") == digests(book)


def test_another_seed_writes_another_book(book: Path, tmp_path: Path) -> None:
    write_book(BookShape(lines=2_000, agreements=20, partners=200, products=300, seed=8), tmp_path / "other", further_days=1)
    same = digests(tmp_path / "other").items() & digests(book).items()
    assert {name for name, _ in same} == {"book.yaml"}


def test_the_book_holds_what_it_is_measured_for(book: Path) -> None:
    lines = duckdb.read_csv(str(book / "feeds" / "transactions" / "*.csv"))
    found = lines.aggregate("count(*), count(distinct (transaction_id, line)), count(distinct currency), bool_or(amount < 0)").fetchall()
    assert found == [(2_000, 1_977, 3, True)]  # 23 files correct one line of the month before


@pytest.mark.parametrize("name", ["polars_script", pytest.param("pyspark_script", marks=pytest.mark.long)])
def test_rivals_pay_the_same(name: str, book: Path, floor: Path) -> None:
    if name == "pyspark_script" and not shutil.which("java"):
        pytest.skip("no Java is installed")
    rival = run_rival(name, book)
    verdicts = compare(rival, floor)
    assert [verdict.split(",")[0] for verdict in verdicts] == ["AGREE: fct_payout", "AGREE: fct_accrual"]
    columns = "transaction_id, line, tier, credited_measure, line_payout"
    sides = [f"select {columns} from '{read_from(folder, 'fct_payout_line')}'" for folder in (rival, floor)]
    assert duckdb.execute(f"({sides[0]}) except all ({sides[1]}) union all (({sides[1]}) except all ({sides[0]}))").fetchall() == []


def test_a_cent_too_much_is_noticed(floor: Path, tmp_path: Path) -> None:
    paying = f"(select min(payout_id) from '{floor / 'fct_payout.parquet'}' where payout > 0)"
    changed = f"select * replace ((payout + (payout_id = {paying})::int * 0.01)::decimal(18, 2) as payout) from '{floor / 'fct_payout.parquet'}'"
    duckdb.execute(f"copy ({changed}) to '{tmp_path / 'fct_payout.parquet'}'")
    assert compare(tmp_path, floor)[0].startswith("DIFFER: fct_payout")


def test_a_missing_payout_is_noticed(floor: Path, tmp_path: Path) -> None:
    duckdb.execute(f"copy (from '{floor / 'fct_payout.parquet'}' where payout = 0) to '{tmp_path / 'fct_payout.parquet'}'")
    assert compare(tmp_path, floor)[0].startswith("DIFFER: fct_payout")


TWO_RATES = [{"from": "0", "rate": "0.01"}, {"from": "100", "rate": "0.02", "amount": "5"}]
POINTS = [{"from": "0.8", "share": "0.5"}, {"from": "1.2", "share": "1.5"}]


@pytest.mark.parametrize(
    ("benefit", "at", "pays"),
    [
        ({"tiers": TWO_RATES}, "99.99", "0.9999"),
        ({"tiers": TWO_RATES}, "100", "7"),
        ({"tiers": TWO_RATES, "boundary": "upper_inclusive"}, "100", "1"),
        ({"tiers": TWO_RATES, "method": "graduated"}, "150", "7"),
        ({"tiers": TWO_RATES[1:]}, "50", "0"),
        ({"tiers": POINTS, "method": "linear", "by": "attainment"}, "1", "1000"),
        ({"tiers": POINTS, "method": "linear", "by": "attainment"}, "0.7", "0"),
        ({"tiers": POINTS, "method": "linear", "by": "attainment"}, "1.4", "1500"),
        ({"tiers": POINTS, "method": "linear", "by": "attainment", "above": "extend"}, "1.4", "2000"),
        ({"tiers": POINTS, "method": "linear", "by": "attainment", "above": "zero"}, "1.2", "1500"),
        ({"tiers": POINTS, "method": "linear", "by": "attainment", "above": "zero"}, "1.4", "0"),
    ],
)
def test_the_pieces_of_a_curve_pay_what_it_says(benefit: dict[str, Any], at: str, pays: str) -> None:
    """A measure of money, or attainment of an incentive of 1,000."""
    is_measure = "by" not in benefit
    position = Fraction(at) * (100 if is_measure else ONE)
    base, incentive = (position, Fraction(0)) if is_measure else (Fraction(0), Fraction(100_000))
    (piece,) = (
        piece
        for piece in pieces(benefit)
        if (piece.is_lowest or position >= piece.low + piece.low_moved) and (piece.is_highest or position < piece.high + piece.high_moved)
    )
    earned = base * piece.rate + piece.constant + incentive * piece.share + incentive * piece.rise * (position - piece.start) / piece.run
    assert earned / ONE / 100 == Fraction(pays)
