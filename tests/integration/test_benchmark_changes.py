"""What the benchmark measures on books that have run: each change touches what its name says, and a set that differs is noticed.

Belongs here: a book of 2,000 lines through the benchmark's own commands. Does not belong here: times, and the history (tests/unit/test_benchmark_history.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from benchmarks.books import SPECIAL, make_book
from benchmarks.changes import CHANGES, make_change
from benchmarks.generator.many_payouts import write_book
from benchmarks.ours import copied, run_ours
from benchmarks.rerun import NOTHING_NEW, is_right, run_changes, write_report
from benchmarks.scenarios import SCENARIOS
from benchmarks.set_differences import compare_sets, count_changed
from pipelines.run import run_book

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_book(tmp_path_factory.mktemp("books"), "2k")


@pytest.fixture(scope="module")
def published(made: Path) -> Path:
    """The book after its first run."""
    book = made.parent / "published"
    shutil.copytree(made, book)
    run_book(book)
    return book


@pytest.fixture
def book(published: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(published, tmp_path / "book", symlinks=True))


def delivered(book: Path, feed: str) -> duckdb.DuckDBPyRelation:
    return duckdb.read_csv(str(book / "feeds" / feed / "zz-*.csv"), all_varchar=True)


def last_two_sets(book: Path) -> list[Path]:
    return sorted((book / "published" / "runs").iterdir(), key=lambda path: path.stat().st_mtime)[-2:]


@pytest.mark.long
def test_a_change_is_measured_and_a_full_run_publishes_the_same(made: Path, tmp_path: Path) -> None:
    nothing, corrected = run_changes(made, ["correction"], tmp_path)
    assert (nothing["what"], corrected["what"]) == (NOTHING_NEW, "a corrected line")
    assert corrected["changed"]["payouts"] > 0
    assert corrected["compared"]["files"] > 10
    assert is_right(corrected), corrected["compared"]
    assert "byte for byte" in write_report([nothing, corrected])


def test_a_quiet_day_changes_payouts_and_moves_no_tier(book: Path) -> None:
    for day in (book / "next").iterdir():
        shutil.copy2(book / "feeds" / "transactions" / "2025-12.csv", day)  # more lines than a day of a small book has
    make_change(book, "quiet-day")
    run_book(book)
    changed = count_changed(*last_two_sets(book))
    assert changed["payouts"] > 10
    assert changed["tiers"] == 0


def test_a_corrected_line_is_one_that_a_payout_holds(book: Path) -> None:
    make_change(book, "correction")
    before = duckdb.read_csv(f"{book}/feeds/transactions/20*.csv", all_varchar=True)
    again = delivered(book, "transactions")
    assert again.set_alias("a").join(before.set_alias("b"), "a.transaction_id = b.transaction_id and a.line = b.line and a.amount <> b.amount").fetchall()
    (corrected,) = again.project("transaction_id, line::int").fetchall()
    assert corrected in duckdb.read_parquet(f"{book}/published/current/fct_payout_line.parquet").project("transaction_id, line").fetchall()


def test_a_loud_day_has_a_line_for_every_open_payout_with_lines(book: Path) -> None:
    make_change(book, "loud-day")
    run_book(book)
    assert count_changed(*last_two_sets(book))["tiers"] > 10
    assert duckdb.read_parquet(f"{book}/published/current/audit_reject.parquet").fetchall() == []


def test_a_moved_partner_gets_another_parent_of_the_same_kind(book: Path) -> None:
    before = dict(duckdb.read_csv(f"{book}/feeds/partners/partners.csv").project("partner_id, parent_id").fetchall())
    make_change(book, "partner")
    ((partner, parent),) = delivered(book, "partners").project("partner_id, parent_id").fetchall()
    assert parent != before[partner]
    assert parent[0] == before[partner][0]


def test_a_new_rate_holds_for_lines_of_the_open_month(book: Path) -> None:
    make_change(book, "rate")
    ((day, origin, target, rate),) = delivered(book, "fx_rates").fetchall()
    assert (day, origin, target) == ("2025-12-16", "USD", "EUR")
    of_december = "date = '2025-12-01' and from_currency = 'USD' and to_currency = 'EUR'"
    rates = duckdb.read_csv(f"{book}/feeds/fx_rates/fx_rates.csv", all_varchar=True).filter(of_december)
    ((before,),) = rates.project("(rate::decimal(18, 6) * 1.01)::decimal(18, 6)").fetchall()
    assert rate == str(before)


def test_one_agreement_pays_more_and_the_others_the_same(book: Path, published: Path) -> None:
    make_change(book, "agreement")
    (file,) = [path.name for path in (published / "agreements").iterdir()]
    old, new = (list(yaml.safe_load_all((folder / "agreements" / file).read_text(encoding="utf-8"))) for folder in (published, book))
    changed = [(before, after) for before, after in zip(old, new, strict=True) if before != after]
    assert len(changed) == 1
    ((before, after),) = changed
    assert [tier["rate"] for tier in after["benefits"][0]["tiers"]] == [pytest.approx(tier["rate"] + 0.001) for tier in before["benefits"][0]["tiers"]]


def test_as_of_moves_by_a_day_and_nothing_else(book: Path, published: Path) -> None:
    make_change(book, "as-of")
    assert (book / "book.yaml").read_text(encoding="utf-8") == (published / "book.yaml").read_text(encoding="utf-8").replace("2025-12-31", "2026-01-01")


def test_a_change_never_reaches_the_book_that_a_copy_was_made_of(published: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for folder in ("agreements", "feeds") for path in (published / folder).rglob("*.*")}
    with copied(published, tmp_path) as copy:
        (copy / "published").symlink_to(published / "published")
        for name in CHANGES:
            make_change(copy, name)
    assert {path: path.read_bytes() for folder in ("agreements", "feeds") for path in (published / folder).rglob("*.*")} == before


def test_a_set_that_differs_is_noticed(published: Path, tmp_path: Path) -> None:
    ours = (published / "published" / "current").resolve()
    theirs = tmp_path / "set"
    shutil.copytree(ours, theirs)
    assert compare_sets(ours, theirs)["different"] == []
    payouts = duckdb.read_parquet(f"{ours}/fct_payout.parquet")
    ((paying,),) = payouts.filter("payout > 0").aggregate("min(payout_id)").fetchall()
    payouts.project(f"* replace ((payout + (payout_id = '{paying}')::int)::decimal(18, 4) as payout)").write_parquet(f"{theirs}/fct_payout.parquet")
    (theirs / "dim_tier.parquet").unlink()
    missing, other = compare_sets(ours, theirs)["different"]
    assert missing == f"dim_tier.parquet is missing in {theirs}"
    assert other.startswith("fct_payout.parquet: row ")
    assert count_changed(ours, theirs) == {"payouts": 1, "new_or_gone": 0, "amounts": 1, "tiers": 0}


def test_a_new_payout_has_no_tier_that_changed(published: Path, tmp_path: Path) -> None:
    ours = (published / "published" / "current").resolve()
    payouts = duckdb.read_parquet(f"{ours}/fct_payout.parquet")
    payouts.filter("tier is null or payout = 0").write_parquet(str(tmp_path / "fct_payout.parquet"))
    left = len(duckdb.read_parquet(str(tmp_path / "fct_payout.parquet")).fetchall())
    new = len(payouts.fetchall()) - left
    assert new > 10
    assert count_changed(tmp_path, ours) == {"payouts": new, "new_or_gone": new, "amounts": 0, "tiers": 0}


def test_every_unusual_book_is_measured() -> None:
    assert set(SCENARIOS) == set(SPECIAL)


def test_a_participant_of_the_book_of_many_payouts_has_36(tmp_path: Path) -> None:
    write_book(3, tmp_path / "book", lines=50)
    assert run_book(tmp_path / "book").published["fct_payout"] == 3 * 36


def test_a_command_that_fails_is_told_with_its_message(made: Path, tmp_path: Path) -> None:
    run = run_ours("run", made, tmp_path, "run", "--as-of", "never")
    assert "never" in run["error"]
