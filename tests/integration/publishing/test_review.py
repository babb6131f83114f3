"""fct_review_figure: what a reviewer of agreements reads, held against figures computed by hand on a few rows.

Belongs here: the view over published tables. Does not belong here: the page (test_report.py).
"""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.published.marts import view_query

_TABLES = """
    create table fct_payout (
        payout_id varchar, agreement_id varchar, agreement_version integer, benefit_id varchar, participant_id varchar, window_start date, window_end date,
        span_start date, status varchar, measure decimal(38,12), base decimal(38,12), target decimal(38,12), baseline decimal(38,12), tier integer,
        payout decimal(18,4));
    create table dim_benefit (agreement_id varchar, agreement_version integer, benefit_id varchar, measure varchar, base varchar);
    create table dim_agreement (agreement_id varchar, review_by_date date);
    create table audit_run (as_of date);
    create table fct_achievement (payout_id varchar, period varchar, next_tier_from decimal(38,12), gap_to_next_tier decimal(38,12));
    create table fct_payout_line (payout_id varchar, date date, credited_measure decimal(38,12));
    create table dim_metric (participant_id varchar, metric varchar, date date, value decimal(38,12));
    insert into dim_benefit values ('A', 1, 'b', 'amount', 'measure');
    insert into audit_run values ('2026-06-30');
"""
_QUARTER = (dt.date(2026, 1, 1), dt.date(2026, 3, 31))
_NEXT = (dt.date(2026, 4, 1), dt.date(2026, 6, 30))
Rows = list[dict[str, Any]]


def figures(payouts: Rows, **tables: list[tuple[Any, ...]]) -> dict[tuple[str, str | None], tuple[Decimal, int, bool]]:
    """Figure and part to value, count, and whether that is enough, of agreement A, benefit b."""
    with duckdb.connect() as con:
        con.execute(_TABLES)
        for number, payout in enumerate(payouts):
            start, end = payout.get("window", _QUARTER)
            known = {"participant": f"P{number}", "status": "final", "measure": 0, "base": 0, "target": None, "baseline": None, "tier": None, "payout": 0}
            row = known | payout
            span = payout.get("span", start)
            values = [row["status"], row["measure"], row["base"], row["target"], row["baseline"], row["tier"], row["payout"]]
            key = [payout.get("id", str(number)), row["participant"], start, end, span]
            con.execute("insert into fct_payout values (?, 'A', 1, 'b', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*key, *values])
        for table, rows in tables.items():
            for each in rows:
                con.execute(f"insert into {table} values ({', '.join('?' * len(each))})", list(each))
        found = con.execute(f"select figure, part, value, counted, is_meaningful from ({view_query('fct_review_figure')})").fetchall()
    keyed = {(figure, part): (value, counted, enough) for figure, part, value, counted, enough in found}
    assert len(keyed) == len(found)
    return keyed


def test_attainment_is_banded_at_its_thresholds() -> None:
    measures = ["49.99", "50", "79.99", "80", "99.99", "100", "119.99", "120", "149.99", "150"]
    found = figures([{"measure": Decimal(measure), "target": 100} for measure in measures])
    bands = {part: value for (figure, part), (value, _, _) in found.items() if figure == "attainment_band"}
    tenth = Decimal("0.1")
    assert bands == {
        "below 50 %": tenth, "50 to 80 %": 2 * tenth, "80 to 100 %": 2 * tenth, "100 to 120 %": 2 * tenth, "120 to 150 %": 2 * tenth, "150 % and more": tenth,
    }  # fmt: skip
    assert found["attainment_near_target", None] == (Decimal("0.5"), 10, True)  # from 80 up to and with 120
    assert found["attainment_median", None] == (Decimal("0.9999"), 10, True)


def test_nine_are_too_few_and_open_or_blocked_windows_say_nothing() -> None:
    nine: Rows = [{"measure": 90, "target": 100, "tier": 1} for _ in range(9)]
    others: Rows = [{"measure": 0, "target": 100, "tier": 0, "status": status} for status in ("open", "blocked")]
    found = figures([*nine, *others, {"measure": 5, "target": 0}])
    assert found["attainment_median", None] == (Decimal("0.9"), 9, False)
    assert found["tier_share", "1"] == (Decimal(1), 9, False)
    assert figures([*nine, {"measure": 90, "target": 100, "status": "closed"}])["attainment_median", None] == (Decimal("0.9"), 10, True)


@pytest.mark.parametrize(
    "pairs",
    [
        [(100, 100), (200, 220), (300, 360)],  # the larger the target, the better
        [(100, 120), (200, 220), (300, 300)],
        [(100, 100), (100, 110), (200, 220), (300, 300)],  # ties of both
        [(100, 100), (200, 400), (300, 450), (400, 400)],
        [(target, target * (1 + target * 37 % 11)) for target in range(1, 40)],
    ],
)
def test_attainment_and_size_are_correlated_by_rank(pairs: list[tuple[int, int]]) -> None:
    found = figures([{"target": target, "measure": measure} for target, measure in pairs])
    ranks = [_ranks([target for target, _ in pairs]), _ranks([Decimal(measure) / target for target, measure in pairs])]
    assert float(found["attainment_by_size", None][0]) == pytest.approx(_pearson(*ranks), abs=1e-6)


def test_size_and_growth_are_ranked_each_by_itself() -> None:
    """Targets and growth lie between each other, and some are equal, as are attainments of payouts with a baseline and without."""
    rows: Rows = [{"target": 1 + n % 5, "measure": 2 + n * 7 % 9, "baseline": 1 + n % 3} for n in range(9)]
    found = figures([*rows, {"target": 50, "measure": 100}])
    attained = [round(Decimal(row["measure"]) / row["target"], 6) for row in rows]
    growth = [round(Decimal(row["measure"]) / row["baseline"], 6) for row in rows]
    sizes = [row["target"] for row in rows] + [50]
    assert float(found["attainment_by_growth", None][0]) == pytest.approx(_pearson(_ranks(growth), _ranks(attained)), abs=1e-6)
    assert float(found["attainment_by_size", None][0]) == pytest.approx(_pearson(_ranks(sizes), _ranks([*attained, Decimal(2)])), abs=1e-6)


def test_equal_targets_have_no_correlation() -> None:
    assert ("attainment_by_size", None) not in figures([{"target": 100, "measure": measure} for measure in (90, 100, 110)])


def test_growth_is_that_on_the_baseline() -> None:
    found = figures([{"target": 100, "measure": m, "baseline": b} for m, b in ((90, 100), (100, 50), (110, 50))])
    assert found["attainment_by_growth", None][0] == 1
    assert found["cost_per_incremental_unit", None][0] == 0
    assert ("attainment_by_growth", None) not in figures([{"target": 100, "measure": 90, "baseline": 0}])


def test_a_span_counts_once() -> None:
    """Two quarters of a year: the second holds base and measure of both, each pays its own part."""
    year = {"span": _QUARTER[0], "participant": "P"}
    first = {**year, "window": _QUARTER, "measure": 1000, "base": 1000, "baseline": 800, "payout": 20}
    second = {**year, "window": _NEXT, "measure": 2500, "base": 2500, "baseline": 2000, "payout": 55}
    found = figures([first, second])
    assert found["effective_rate", "2026-06-30"][0] == Decimal("0.03")
    assert found["cost_per_incremental_unit", None] == (Decimal("0.15"), 1, True)
    assert ("effective_rate", "2026-03-31") not in found


@pytest.mark.parametrize(("gap", "is_near"), [("5", True), ("5.000000000001", False), ("0.000000000001", True), ("0", False), (None, False)])
def test_a_near_miss_is_at_most_a_twentieth_of_the_threshold(gap: str | None, is_near: bool) -> None:
    found = figures(
        [{"id": "x"}, {"id": "z"}], fct_achievement=[("x", "2026-02", 100, 1), ("x", "2026-03", 100, gap and Decimal(gap)), ("z", "2026-03", 100, 50)]
    )
    assert found["near_misses", None][0] == Decimal(int(is_near)) / 2


def test_the_last_five_days_are_held_against_even_days() -> None:
    lines = [("x", dt.date(2026, 3, 26), 10), ("x", dt.date(2026, 3, 27), 30), ("x", dt.date(2026, 3, 31), 60), ("x", dt.date(2026, 4, 1), 1000)]
    found = figures([{"id": "x", "measure": 100}], fct_payout_line=lines)
    assert found["last_days_against_even", None] == (Decimal("16.2"), 1, False)  # 90 of 100, where 5 of 90 days would bring 5.56
    assert ("last_days_against_even", None) not in figures([{"id": "x", "window": (dt.date(2026, 3, 5), dt.date(2026, 3, 31))}], fct_payout_line=lines)


def test_what_comes_back_in_the_thirty_days_after() -> None:
    both: Rows = [{"id": "x", "participant": "P", "window": _QUARTER}, {"id": "y", "participant": "P", "window": _NEXT, "status": "open"}]
    lines = [("x", dt.date(2026, 1, 1), 100), ("x", dt.date(2026, 3, 1), -5)]
    after = [("y", dt.date(2026, 4, 1), -7), ("y", dt.date(2026, 4, 30), -2), ("y", dt.date(2026, 5, 1), -50), ("y", dt.date(2026, 4, 2), 500)]
    found = figures(both, fct_payout_line=[*lines, *after])
    assert found["returns_after_end", None][0] == Decimal("0.094737")  # 9 / 95
    stranger: Rows = [both[0], {**both[1], "participant": "Q"}]
    assert figures(stranger, fct_payout_line=[*lines, *after])["returns_after_end", None][0] == 0


def test_thirty_days_may_reach_over_a_short_window() -> None:
    """Those after 31 January end on 2 March."""
    days = [((1, 1), (1, 31)), ((2, 1), (2, 28)), ((3, 1), (3, 31))]
    windows = [(dt.date(2026, *first), dt.date(2026, *last)) for first, last in days]
    rows: Rows = [{"id": each, "participant": "P", "window": window, "status": "open"} for each, window in zip("xyz", windows, strict=True)]
    rows[0]["status"] = "final"
    lines = [("x", dt.date(2026, 1, 5), 100), ("y", dt.date(2026, 2, 10), -3), ("z", dt.date(2026, 3, 2), -4), ("z", dt.date(2026, 3, 3), -50)]
    assert figures(rows, fct_payout_line=lines)["returns_after_end", None][0] == Decimal("0.07")


@pytest.mark.parametrize(("others", "top"), [(9, 1), (10, 2), (19, 2), (20, 3)])
def test_the_highest_paid_tenth_is_at_least_one(others: int, top: int) -> None:
    found = figures([{"participant": f"P{n}", "payout": 100 - n} for n in range(others + 1)])
    paid = [100 - n for n in range(others + 1)]
    assert found["concentration", None][0] == round(Decimal(sum(paid[:top])) / sum(paid), 6)


def test_quality_is_that_of_the_days_of_the_window() -> None:
    rows: Rows = [{"participant": "P", "payout": 1}, {"participant": "Q", "payout": 0}]
    metrics = [
        ("P", "nps", dt.date(2026, 1, 1), 10),
        ("P", "nps", dt.date(2026, 3, 31), 20),
        ("P", "nps", dt.date(2026, 4, 1), 99),
        ("Q", "nps", dt.date(2026, 2, 1), 3),
    ]
    found = figures(rows, dim_metric=metrics)
    assert found["quality_where_paid", "nps"][:2] == (Decimal(15), 2)
    assert found["quality_where_not_paid", "nps"][:2] == (Decimal(3), 1)
    assert found["quality_over_time", "nps, 2026-03-31"] == (Decimal(11), 3, True)


def test_volume_and_quality_stand_side_by_side_per_window() -> None:
    """Of a year of two windows the second holds the volume to date; metrics are those of each window's days."""
    year = {"span": _QUARTER[0], "participant": "P"}
    rows: Rows = [{**year, "window": _QUARTER, "measure": 100}, {**year, "window": _NEXT, "measure": 250}, {"participant": "Q", "window": _NEXT, "measure": 30}]
    found = figures(rows, dim_metric=[("P", "nps", dt.date(2026, 2, 1), 8), ("P", "nps", dt.date(2026, 5, 1), 6), ("Q", "fill, rate", dt.date(2026, 4, 1), 1)])
    over_time = {key: (int(value), counted) for key, (value, counted, _) in found.items() if key[0].endswith("_over_time")}
    assert over_time == {
        ("volume_over_time", "2026-06-30"): (280, 2),
        ("quality_over_time", "nps, 2026-03-31"): (8, 1),
        ("quality_over_time", "nps, 2026-06-30"): (6, 1),
        ("quality_over_time", "fill, rate, 2026-06-30"): (1, 1),
    }


@pytest.mark.parametrize(("day", "left"), [(dt.date(2026, 6, 29), -1), (dt.date(2026, 6, 30), 0), (dt.date(2026, 7, 31), 31)])
def test_days_to_the_review(day: dt.date, left: int) -> None:
    found = figures([], dim_agreement=[("A", dt.date(2025, 1, 1)), ("A", day), ("B", None)])
    assert found == {("days_to_review", day.isoformat()): (Decimal(left), 1, True)}


def test_the_order_of_rows_changes_nothing() -> None:
    drawn = random.Random(11)
    rows: Rows = [
        {"id": str(n), "participant": f"P{n}", "measure": Decimal(drawn.randint(1, 10**9)) / 7000, "target": drawn.randint(1, 10**5), "tier": n % 4,
         "baseline": drawn.randint(1, 10**5), "base": drawn.randint(1, 10**6), "payout": Decimal(drawn.randint(0, 10**7)) / 10000}
        for n in range(60)
    ]  # fmt: skip
    lines = [(str(n % 60), dt.date(2026, 1, 1) + dt.timedelta(drawn.randint(0, 89)), Decimal(drawn.randint(-(10**6), 10**8)) / 999) for n in range(600)]
    first = figures(rows, fct_payout_line=lines)
    drawn.shuffle(rows)
    drawn.shuffle(lines)
    assert figures(rows, fct_payout_line=lines) == first
    assert len(first) > 15


def test_the_view_is_in_the_database_that_is_published(demo_book: Path) -> None:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        rows, keys, benefits = con.execute(
            "select count(*), count(distinct (agreement_id, benefit_id, figure, part)), count(distinct figure) from fct_review_figure"
        ).fetchall()[0]
        assert rows == keys > 100
        assert benefits >= 13
        (described,) = con.execute("select count(*) from duckdb_columns() where table_name = 'fct_review_figure' and comment is not null").fetchall()[0]
        assert described == 9


def _ranks(values: list[Any]) -> list[float]:
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


def _pearson(xs: list[float], ys: list[float]) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return float(covariance / (sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys)) ** 0.5)
