"""review.html and a page per agreement: what people look at when they review agreements, from the view fct_review_figure.

Belongs here: which figures stand where. Does not belong here: computing them (dbt_project/models/marts/review/fct_review_figure.sql).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import duckdb

from assets.published.formatting import number, readable
from assets.published.marts import view_query
from assets.published.reader import Row, fetch
from assets.report.review_charts import FEWEST_WINDOWS, OfBenefit, attainment_chart, charts_of, rate_chart, shown, spoken
from assets.report.site import Site
from assets.report.tables import Cell, Column, Link, Table, agreement_link, slug

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
Figures = dict[tuple[str, str | None], OfBenefit]


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
        targets=[chart for key, of in by.items() for chart in attainment_chart(_name(key, names), key, of) if of["attainment_band"][0]["is_meaningful"]],
        rates=[chart for key, of in by.items() if len(of["effective_rate"]) >= FEWEST_WINDOWS for chart in rate_chart(_name(key, names), key, of)],
        quality=site.table(_PATH, _quality(by, names), "Quality beside volume"),
        meanings=_meanings(rows),
        everything=site.table(_PATH, _everything(rows), "All figures"),
    )
    for agreement, title in names.items():
        path, own = review_path(agreement), {benefit: of for (each, benefit), of in by.items() if each == agreement}
        figures = [row for row in rows if row["agreement_id"] == agreement]
        site.page(
            path,
            "agreement_review.html.j2",
            agreement=agreement_link(agreement, title),
            benefits=[(benefit, charts_of((agreement, benefit), of)) for benefit, of in own.items() if benefit],
            everything=site.table(path, _everything(figures, is_of_one=True), "All figures"),
            meanings=_meanings(figures),
        )


def review_path(agreement: str) -> str:
    return f"review/{slug(agreement)}.html"


def _meanings(rows: list[Row]) -> list[tuple[str, str, str]]:
    """Name, computation and unit of each figure."""
    names = OF_TARGETS | OF_MONEY
    return list({row["figure"]: (names.get(row["figure"]) or spoken(row["figure"]), row["computed_as"], row["unit"]) for row in rows}.values())


def _name(key: tuple[str, str | None], names: dict[str, str]) -> str:
    return f"{names.get(key[0]) or key[0]}, {key[1]}"


def _benefits(by: Figures, names: dict[str, str], figures: dict[str, str], name: str) -> Table:
    """One row per benefit that has any of the figures."""
    rows: list[tuple[Cell, ...]] = [
        (_benefit(agreement, benefit, names), *(shown(of[figure][-1]) if of[figure] else "–" for figure in figures))
        for (agreement, benefit), of in by.items()
        if benefit and any(of[figure] for figure in figures)
    ]
    return Table(name, (Column("Agreement, benefit"), *(Column(label, "number") for label in figures.values())), rows, empty="No window has ended yet.")


def _benefit(agreement: str, benefit: str | None, names: dict[str, str]) -> Link:
    return Link(names.get(agreement) or agreement, review_path(agreement), benefit or "")


def _due(by: Figures, names: dict[str, str]) -> Table:
    found = sorted((of["days_to_review"][0]["part"], agreement, of["days_to_review"][0]["value"]) for (agreement, _), of in by.items() if of["days_to_review"])
    rows: list[tuple[Cell, ...]] = [
        (_benefit(agreement, None, names), day, "overdue" if left < 0 else "today" if left == 0 else f"in {number(readable(left, 0))} days")
        for day, agreement, left in found
    ]
    return Table("review-due", (Column("Agreement"), Column("Review by", "day"), Column("Due", "status")), rows, empty="No agreement names a day.")


def _quality(by: Figures, names: dict[str, str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for (agreement, benefit), of in by.items():
        paid, unpaid = ({row["part"]: row for row in of[figure]} for figure in ("quality_where_paid", "quality_where_not_paid"))
        for metric in sorted({*paid, *unpaid}):
            figures = (shown(each[metric]) if metric in each else "–" for each in (paid, unpaid))
            rows.append((_benefit(agreement, benefit, names), metric, *figures))
    columns = (Column("Agreement, benefit"), Column("Metric"), Column("Where it paid", "number"), Column("Where it did not", "number"))
    return Table("review-quality", columns, rows, empty="No metric is delivered.")


def _everything(rows: list[Row], is_of_one: bool = False) -> Table:
    """Every figure; those of one agreement without its id."""

    def text(value: Any) -> str:
        return "–" if value is None else str(value)

    first = 1 if is_of_one else 0
    cells: list[tuple[Cell, ...]] = [
        (row["agreement_id"], text(row["benefit_id"]), spoken(row["figure"]), text(row["part"]), shown(row), row["unit"], number(row["counted"]))[first:]
        for row in rows
    ]
    columns = (
        Column("Agreement"), Column("Benefit", "code"), Column("Figure"), Column("Of"), Column("Value", "number"), Column("Unit"), Column("Counted", "number"),
    )  # fmt: skip
    return Table("review-figures", columns[first:], cells, empty="No window has ended yet.")


_TITLES = "select agreement_id, arg_max(title, agreement_version) as title from dim_agreement group by agreement_id"
