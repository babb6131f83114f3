"""Every golden case twice: through the whole program (a book in, published tables out) and through the independent reference.

The cases are the YAML files of this folder. Those in `published/` are worked examples that others have published; each names its source.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml

from assets.published.marts import tables_of_view, view_query
from tests.reference.compute import Results, compute
from tests.reference.read import ExactLoader, NotCovered, book_of_rows
from tests.support.casebook import KEYS, RESULT_KEY, Case, differences, group_cases, read_cases, read_results, write_book
from tests.support.evidence_packs import pack_everything
from tests.support.exact_text import to_yaml

FOLDER = Path(__file__).parent
PUBLISHED = [case for path in sorted((FOLDER / "published").glob("*.yaml")) for case in read_cases(path)]
CASES = PUBLISHED + [case for path in sorted(FOLDER.glob("*.yaml")) for case in read_cases(path)]
GROUPS = group_cases(CASES)
GROUP_OF = {case["case"]: name for name, cases in GROUPS.items() for case in cases}

#: The reference compares text with text and numbers with numbers; it raises NotCovered for a condition that mixes them.
NOT_COVERED = {"where-numbers-and-days"}
#: Columns of fct_payout that the reference does not compute: they are copied from the agreement.
COPIED = {"currency", "direction"}


def case_name(case: Case) -> str:
    return str(case["case"])


Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A group's book, which is run when the first of its cases is tested."""
    from pipelines.run import run_book

    @functools.cache
    def run(name: str) -> Path:
        book = write_book(tmp_path_factory.mktemp("golden") / "book", name, GROUPS[name])
        run_book(book)
        return book

    return run


@pytest.fixture(scope="session")
def published(books: Callable[[str], Path]) -> Callable[[str], Tables]:
    """The tables of a group's book."""

    @functools.cache
    def read(name: str) -> Tables:
        return read_results(books(name))

    return read


def test_names_are_used_once() -> None:
    assert len(GROUP_OF) == len(CASES)


@pytest.mark.parametrize("case", PUBLISHED, ids=case_name)
def test_published_case_names_its_source_and_expects_something(case: Case) -> None:
    assert case["source"]
    assert case["expect"] or case["expect_accrual"]


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_golden_case(case: Case, published: Callable[[str], Tables]) -> None:
    found = differences(case, published(GROUP_OF[case["case"]]))
    assert not found, "\n".join([case["note"], *found])


def test_collected_lines_make_the_ratio_of_their_payout(books: Callable[[str], Path]) -> None:
    with duckdb.connect() as con:
        for table in (*tables_of_view("fct_collected_line"), "fct_release"):
            con.execute(f"create view {table} as from '{books(GROUP_OF['collected'])}/published/current/{table}.parquet'")
        con.execute(f"create view fct_collected_line as {view_query('fct_collected_line')}")
        (found,) = con.execute("""
            select count(*), count(*) filter (collected between 0.01 and 0.99),
                count(*) filter (abs(least(greatest(share, 0), lines) - collected * lines) > lines * 0.0000005)
            from (select payout_id, sum(line_payout * collected) as share, sum(line_payout) as lines from fct_collected_line group by all)
            join (select payout_id, any_value(collected) as collected from fct_release where collected is not null group by all) using (payout_id)
        """).fetchall()
        assert found[0] >= 4
        assert found[1] >= 1
        assert found[2] == 0
        paid = con.execute("select transaction_id, collected, collected_on::varchar from fct_collected_line where starts_with(transaction_id, 'collected-')")
        assert set(paid.fetchall()) >= {("collected-1", Decimal("0.75"), "2026-08-31"), ("collected-1", Decimal(0), "2026-08-31")}


def test_a_payment_without_a_rate_waits_and_others_say_what_was_paid(books: Callable[[str], Path]) -> None:
    """The case paid-in-another-currency."""
    published = books(GROUP_OF["paid-in-another-currency"]) / "published" / "current"
    rejects = f"select row_number, reason from '{published}/audit_reject.parquet' where feed = 'payments'"
    paid = f"select paid_on::varchar, amount, currency, paid_amount, paid_currency, exchange_difference from '{published}/fct_payment.parquet'"
    with duckdb.connect() as con:
        assert [reason for _, reason in con.execute(rejects).fetchall()] == ["no_rate"]
        assert con.execute(f"{paid} where agreement_id = 'paid-in-another-currency' and window_start = '2025-04-01' order by all").fetchall() == [
            ("2025-05-09", Decimal("6.50"), "DKK", Decimal(10), "SEK", None),
            ("2025-08-09", Decimal("3.50"), "DKK", Decimal("3.50"), "DKK", None),
        ]


def test_a_line_that_takes_back_is_no_disputed_money(books: Callable[[str], Path]) -> None:
    """In the case disputed-lines the first transaction brings 30 and 40, and its return takes 10 back."""
    disputes = books(GROUP_OF["disputed-lines"]) / "published" / "current" / "fct_dispute.parquet"
    with duckdb.connect() as con:
        assert con.execute(f"select disputed_amount from '{disputes}' where dispute_id = 'disputed-lines-1'").fetchall() == [(Decimal(70),)]


def test_lines_of_other_days_add_up(books: Callable[[str], Path]) -> None:
    """Those of the prior year to baseline and target, those that `over` sees to the measure; of a placed pool over all members."""
    views = ("fct_prior_line", *tables_of_view("fct_prior_line"), "dim_benefit", "dim_agreement")
    with duckdb.connect() as con:
        for table in views[1:]:
            con.execute(f"create view {table} as from '{books(GROUP_OF['today-joined'])}/published/current/{table}.parquet'")
        con.execute(f"create view fct_prior_line as {view_query('fct_prior_line')}")
        found = con.execute("""
            with payouts as (
                select p.*, pool, benefit_version_id || participant_id || window_start as own, benefit_version_id || window_start as of_pool,
                    target_source = 'prior' as has_target, baseline_source = 'prior' as has_baseline, measure_over is not null as has_over, target_times
                from fct_payout as p join dim_benefit using (benefit_version_id) join dim_agreement as a on a.agreement_version_id = p.agreement_version_id
                where p.status <> 'blocked'
            ),
            sums as (
                select if(pool = 'placed', of_pool, own) as who, counts_for, sum(credited_measure) as brought
                from fct_prior_line join payouts using (payout_id) group by all
            ),
            figures as (
                select 'target' as figure, 'prior' as counts_for, target as found, target_times as times, * exclude (target_times) from payouts where has_target
                union all by name select 'baseline' as figure, 'prior' as counts_for, baseline as found, 1 as times, * from payouts where has_baseline
                union all by name select 'measure' as figure, 'measure' as counts_for, measure as found, 1 as times, * from payouts where has_over
            )
            select figure, pool, count(*) filter (brought <> 0), list(payout_id) filter (found <> coalesce(brought, 0) * times)
            from figures as f left join sums on who = if(pool = 'placed', of_pool, own) and f.counts_for = sums.counts_for
            group by all
        """).fetchall()
    assert [row for row in found if row[3]] == []
    assert {(figure, pool) for figure, pool, brought, _ in found if brought} >= {
        ("target", "each"),
        ("baseline", "each"),
        ("baseline", "together"),
        ("baseline", "placed"),
        ("measure", "each"),
    }


LARGEST = max(GROUPS, key=lambda name: len(GROUPS[name]))


@pytest.mark.parametrize("name", [name if name == LARGEST else pytest.param(name, marks=pytest.mark.long) for name in GROUPS])
def test_an_auditor_recomputes_every_payout_of_every_kind(name: str, books: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """recompute.py knows the whole language: a pack of all payouts would not be made if there were one that it cannot recompute."""
    assert pack_everything(books(name), tmp_path / "pack.zip", monkeypatch).recomputed > (1300 if name == LARGEST else 0)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_reference_agrees(case: Case) -> None:
    if case["case"] in NOT_COVERED:
        with pytest.raises(NotCovered):
            _compute_alone(case)
        return
    results = _compute_alone(case)
    found = [line for row in case["expect"] for line in _payout_differences(row, results)]
    found += [line for row in case["expect_accrual"] for line in _accrual_differences(row, results)]
    found += [line for row in case["expect_release"] for line in _release_differences(row, results)]
    assert not found, "\n".join([case["note"], *found])


def test_open_windows_would_pay_what_the_reference_projects(books: Callable[[str], Path]) -> None:
    compared = 0
    for name in ("2026-06-30 {}", "2026-08-31 {}", "2026-05-31 {}"):
        with duckdb.connect() as con:
            latest = "agreement_id, benefit_id, participant_id, window_start, last(projected_payout order by period)"
            rows = con.sql(f"select {latest} from '{books(name)}/published/current/fct_achievement.parquet' group by all").fetchall()
        found = {row[:4]: row[4] for row in rows}
        for case in GROUPS[name]:
            for key, projected in _compute_alone(case).projected.items():
                assert found[key] == Decimal(projected.numerator) / projected.denominator, key
                compared += projected != 0
    assert compared >= 5


def _compute_alone(case: Case) -> Results:
    """What the reference computes for a book of this case alone."""
    exact = yaml.load(to_yaml(case), ExactLoader)
    settings = {"currency": "EUR", "calendar": {"kind": "gregorian", "year_starts": "01-01"}, **exact.get("book", {})}
    as_of = dt.date.fromisoformat(GROUP_OF[case["case"]].split(" ")[0])
    book = book_of_rows(settings, exact["agreements"], {feed: exact.get(feed, []) for feed in KEYS}, as_of)
    assert {feed for feed, *_ in book.rejects} <= {"participations"}  # of which cases say what is rejected
    return compute(book)


def _payout_differences(expected: dict[str, Any], results: Results) -> list[str]:
    place = tuple(expected[key] for key in RESULT_KEY)
    row = results.payouts[place]
    found = []
    for column in expected.keys() - {*RESULT_KEY, *COPIED}:
        wanted, computed = _as_exact(expected[column]), row["axis_value" if column == "attainment" else column]
        if column in ("attainment", "axis_value") and wanted is not None:
            wanted, computed = round(wanted, 6), round(computed, 6)
        if wanted != (computed if computed != "" else None):
            found.append(f"{' '.join(map(str, place))}: {column} expected {expected[column]}, reference {computed}")
    return found


def _accrual_differences(expected: dict[str, Any], results: Results) -> list[str]:
    place = (*(expected[key] for key in RESULT_KEY), expected["period"])
    computed = results.accruals[place]
    if computed == _as_exact(expected["accrued_to_date"]):
        return []
    return [f"{' '.join(map(str, place))}: accrued_to_date expected {expected['accrued_to_date']}, reference {computed}"]


def _release_differences(expected: dict[str, Any], results: Results) -> list[str]:
    place = tuple(expected[key] for key in RESULT_KEY)
    part = results.releases[place][expected["release_no"] - 1]
    computed = {
        "amount": part.amount, "settled": part.settled, "due_date": part.due, "status": part.status, "released": part.released,
        "held": part.amount - part.released if part.is_due else 0, "disputed": part.disputed,
    }  # fmt: skip
    columns = expected.keys() - {*RESULT_KEY, "release_no"}
    return [
        f"{' '.join(map(str, place))}: {column} of part {part.number} expected {expected[column]}, reference {computed[column]}"
        for column in sorted(columns)
        if _as_exact(expected[column]) != computed[column]
    ]


def _as_exact(value: Any) -> Any:
    """The value as the reference has it: numbers with a point are fractions."""
    return yaml.load(to_yaml(value), ExactLoader)


@pytest.mark.long
@pytest.mark.parametrize("of_lines", [False, True])
def test_once_the_volume_is_the_run(books: Callable[[str], Path], of_lines: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `simulate` computes on other volumes, on the volume that was: every column of every payout of every case, from sums and from lines."""
    from assets.runtime.book_folder import open_run
    from assets.runtime.context import read_clock
    from assets.runtime.warehouse import open_warehouse
    from assets.simulation import what_if

    if of_lines:
        monkeypatch.setattr(what_if, "_OF_LINES", "select agreement_id from terms.agreements")
    context = open_run(books(max(GROUPS, key=lambda name: len(GROUPS[name]))), None, read_clock())
    rows = "select * exclude (payout_key) from calc.payouts order by benefit_key, participant_key, window_no"
    with open_warehouse(context) as con:
        ids = [name for (name,) in con.execute("select distinct agreement_id from terms.agreements").fetchall()]
        expected = con.execute(rows).fetchall()
    found = what_if.read_what_if(context, ids, context.folder / f"what-if-{of_lines}")
    found.cost()
    with open_warehouse(found.context) as con:
        assert con.execute(rows).fetchall() == expected
    assert len(expected) > 1000
