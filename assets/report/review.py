"""review.html: what people look at when they review agreements, from the view fct_review_figure.

Belongs here: which figures stand where. Does not belong here: computing them (dbt_project/models/marts/review/fct_review_figure.sql).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb

from assets.published.formatting import number, readable
from assets.published.marts import view_query
from assets.published.reader import Row, fetch
from assets.report.charts import Bars, draw_bars
from assets.report.site import Site
from assets.report.tables import Cell, Column, Link, Table, agreement_link

_PATH = "review.html"
#: The figures of the two tables, by their column.
OF_TARGETS = {
    "attainment_median": "Median attainment",
    "attainment_near_target": "Within ±20 %",
    "attainment_by_size": "By size of target",
    "attainment_by_growth": "By growth",
}
OF_MONEY = {
    "effective_rate": "Effective rate",
    "cost_per_incremental_unit": "Cost per unit gained",
    "concentration": "Top tenth gets",
    "near_misses": "Near misses",
    "last_days_against_even": "Last 5 days",
    "returns_after_end": "Returns after",
}
BANDS = ("below 50 %", "50 to 80 %", "80 to 100 %", "100 to 120 %", "120 to 150 %", "150 % and more")
#: Windows that a chart of the effective rate needs to show a course, and those that it shows at most.
FEWEST_WINDOWS, MOST_WINDOWS = 3, 12
_SHARES = ("share of the target", "share of payouts", "share of the measure", "share of the payout", "share of the base")
Figures = dict[tuple[str, str | None], dict[str, list[Row]]]


def write_review(site: Site, con: duckdb.DuckDBPyConnection) -> None:
    """review.html."""
    rows = fetch(con, f"from ({view_query('fct_review_figure')}) order by agreement_id, benefit_id nulls first, figure, part")
    names = {row["agreement_id"]: row["title"] for row in fetch(con, _TITLES)}
    by: Figures = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by[row["agreement_id"], row["benefit_id"]][row["figure"]].append(row)
    site.page(
        _PATH,
        "review.html.j2",
        due=site.table(_PATH, _due(by, names), "Due for review"),
        of_targets=site.table(_PATH, _benefits(by, names, OF_TARGETS, "review-targets"), "Targets"),
        of_money=site.table(_PATH, _benefits(by, names, OF_MONEY, "review-money"), "Money and timing"),
        targets=[_targets(key, of["attainment_band"]) for key, of in by.items() if of["attainment_band"] and of["attainment_band"][0]["is_meaningful"]],
        rates=[_rates(key, of["effective_rate"]) for key, of in by.items() if len(of["effective_rate"]) >= FEWEST_WINDOWS],
        quality=site.table(_PATH, _quality(by, names), "Quality beside volume"),
        meanings=list(
            {row["figure"]: ({**OF_TARGETS, **OF_MONEY}.get(row["figure"]) or spoken(row["figure"]), row["computed_as"], row["unit"]) for row in rows}.values()
        ),
        everything=site.table(_PATH, _everything(rows), "All figures"),
    )


def spoken(figure: str) -> str:
    """`tier_share` as `Tier share`."""
    return figure.replace("_", " ").capitalize()


def shown(row: Row) -> str:
    """A figure as people read it; one of too few in brackets."""
    value = Decimal(row["value"])
    text = f"{number(readable(value * 100, 1))} %" if row["unit"] in _SHARES else number(readable(value, 0 if row["unit"] == "days" else 3))
    return text if row["is_meaningful"] else f"({text})"


def _benefits(by: Figures, names: dict[str, str], figures: dict[str, str], name: str) -> Table:
    """One row per benefit that has any of the figures."""
    rows: list[tuple[Cell, ...]] = [
        (_benefit(agreement, benefit, names), *(shown(of[figure][-1]) if of[figure] else "–" for figure in figures))
        for (agreement, benefit), of in by.items()
        if benefit and any(of[figure] for figure in figures)
    ]
    return Table(name, (Column("Agreement, benefit"), *(Column(label, "number") for label in figures.values())), rows, empty="No window has ended yet.")


def _benefit(agreement: str, benefit: str | None, names: dict[str, str]) -> Link:
    return replace(agreement_link(agreement, names.get(agreement)), more=benefit or "")


def _due(by: Figures, names: dict[str, str]) -> Table:
    found = sorted((of["days_to_review"][0]["part"], agreement, of["days_to_review"][0]["value"]) for (agreement, _), of in by.items() if of["days_to_review"])
    rows: list[tuple[Cell, ...]] = [
        (agreement_link(agreement, names.get(agreement)), day, "overdue" if left < 0 else "today" if left == 0 else f"in {number(readable(left, 0))} days")
        for day, agreement, left in found
    ]
    return Table("review-due", (Column("Agreement"), Column("Review by", "day"), Column("Due", "status")), rows, empty="No agreement names a day.")


def _targets(key: tuple[str, str | None], bands: list[Row]) -> dict[str, str]:
    of = {row["part"]: row for row in bands}
    words = f"share of {number(bands[0]['counted'])} payouts by attainment, in percent"
    values = [_percent(of.get(band), band) for band in BANDS]
    labels = [band.replace(" to ", "–").replace(" and more", "+").replace("below ", "< ") for band in BANDS]
    return {"benefit": f"{key[0]}, {key[1]}", "words": words, "svg": draw_bars(Bars(f"{key[0]}, {key[1]}: {words}", labels, values))}


def _rates(key: tuple[str, str | None], windows: list[Row]) -> dict[str, str]:
    last = windows[-MOST_WINDOWS:]
    words = "payout in percent of its base, by the month in which windows end"
    bars = Bars(f"{key[0]}, {key[1]}: {words}", [row["part"][2:7] for row in last], [_percent(row, row["part"]) for row in last])
    return {"benefit": f"{key[0]}, {key[1]}", "words": words, "svg": draw_bars(bars)}


def _percent(row: Row | None, of: str) -> tuple[Decimal, str] | None:
    return (row["value"] * 100, f"{of}: {shown(row)}") if row else None


def _quality(by: Figures, names: dict[str, str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for (agreement, benefit), of in by.items():
        paid, unpaid = ({row["part"]: row for row in of[figure]} for figure in ("quality_where_paid", "quality_where_not_paid"))
        for metric in sorted({*paid, *unpaid}):
            figures = (shown(each[metric]) if metric in each else "–" for each in (paid, unpaid))
            rows.append((_benefit(agreement, benefit, names), metric, *figures))
    columns = (Column("Agreement, benefit"), Column("Metric"), Column("Where it paid", "number"), Column("Where it did not", "number"))
    return Table("review-quality", columns, rows, empty="No metric is delivered.")


def _everything(rows: list[Row]) -> Table:
    def text(value: Any) -> str:
        return "–" if value is None else str(value)

    cells: list[tuple[Cell, ...]] = [
        (row["agreement_id"], text(row["benefit_id"]), spoken(row["figure"]), text(row["part"]), shown(row), row["unit"], number(row["counted"]))
        for row in rows
    ]
    columns = (
        Column("Agreement"), Column("Benefit", "code"), Column("Figure"), Column("Of"), Column("Value", "number"), Column("Unit"), Column("Counted", "number"),
    )  # fmt: skip
    return Table("review-figures", columns, cells, empty="No window has ended yet.")


_TITLES = "select agreement_id, arg_max(title, agreement_version) as title from dim_agreement group by agreement_id"
