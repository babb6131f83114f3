"""Where the columns of a query come from: what each kind of SQL does to lineage. Small queries, worked out by hand."""

from __future__ import annotations

import pytest

from assets.lineage.sql_columns import read_query

TABLES = {"raw.sales": ["id", "amount", "cost", "partner"], "raw.partners": ["partner", "name"], "raw.rates": ["day", "rate"]}


def inputs(sql: str, column: str) -> set[str]:
    return set(read_query(sql, TABLES).columns[column].inputs)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select amount as x from raw.sales", {"raw.sales.amount"}),
        ("select amount - cost as x from raw.sales", {"raw.sales.amount", "raw.sales.cost"}),
        ("with s as (select *, amount * 2 as double from raw.sales) select double as x from s", {"raw.sales.amount"}),
        ("with s as (select * exclude (amount), cost as amount from raw.sales) select amount as x from s", {"raw.sales.cost"}),
        ("select sum(amount) over (partition by partner) as x from raw.sales", {"raw.sales.amount", "raw.sales.partner"}),
        ("select amount as x from raw.sales union all select rate from raw.rates", {"raw.sales.amount", "raw.rates.rate"}),
        ("select amount as x, id from raw.sales union all by name select id, rate as x from raw.sales, raw.rates", {"raw.sales.amount", "raw.rates.rate"}),
        ("select (select max(rate) from raw.rates where day = id) as x from raw.sales", {"raw.rates.rate", "raw.rates.day", "raw.sales.id"}),
        ("select name as x from raw.sales left join raw.partners using (partner)", {"raw.partners.name"}),
        ("select amount - cost as margin, margin * 2 as x from raw.sales", {"raw.sales.amount", "raw.sales.cost"}),
        ("from raw.sales select cost as x", {"raw.sales.cost"}),
        ("select count(*) as x from raw.sales", set()),
    ],
)
def test_a_value_comes_from(sql: str, expected: set[str]) -> None:
    assert inputs(sql, "x") == expected


def test_what_joins_filters_and_groups_decides_the_rows() -> None:
    query = read_query(
        """
        with named as (select s.*, p.name from raw.sales as s inner join raw.partners as p on s.partner = p.partner where cost > 0)
        select name, sum(amount) as total from named group by name having sum(amount) > 0""",
        TABLES,
    )
    assert query.rows == {"raw.sales.partner", "raw.partners.partner", "raw.sales.cost", "raw.partners.name", "raw.sales.amount"}
    assert query.columns["total"].inputs == {"raw.sales.amount"}


def test_an_expression_is_shown_where_it_is_computed_and_long_ones_are_cut() -> None:
    passed_on = "with s as (select amount - cost as margin from raw.sales) select cast(margin as decimal(18, 4)) as x from s"
    assert read_query(passed_on, TABLES).columns["x"].expression == "amount - cost"
    long = " + ".join(["amount"] * 200)
    assert read_query(f"select {long} as x from raw.sales", TABLES).columns["x"].expression.endswith(" …")
